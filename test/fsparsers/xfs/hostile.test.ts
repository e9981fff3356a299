/**
 * Thousands of damaged and hostile volumes: each ends in a typed error or in a map that calls
 * nothing free that is used in the volume it was made from.
 */

import { readFile } from 'node:fs/promises';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { ParseError } from '../../../fsparsers/errors.js';
import type { UsedMap } from '../../../fsparsers/usedmap.js';
import { xfsParser } from '../../../fsparsers/xfs/index.js';
import { seededRandom } from '../../support/random.js';
import { scratchDirectory } from '../../support/scratch.js';
import { runLoad } from './load.js';
import { findRecords, mutateLog } from './log-mutants.js';
import { inventory, mutate, type Mutant } from './mutants.js';
import {
  freeByXfsDb,
  freeOf,
  makeXfs,
  mapImage,
  mebibyte,
  minus,
  rangesOf,
  whileMounted,
  type Range,
} from './support.js';

const megabytesReadAtMost = 64;

/** Parses a mutant; returns the map, or null for a typed error. Anything else fails the test. */
async function parse(t: ExecutionContext, { what, reader }: Mutant): Promise<UsedMap | null> {
  try {
    return await xfsParser.parse(reader);
  } catch (error) {
    if (!(error instanceof ParseError)) {
      t.log(what);
      throw error;
    }
    return null;
  } finally {
    t.true(reader.readBytes < megabytesReadAtMost * mebibyte, what);
  }
}

/** How many mutants ended how. */
interface Tally {
  errors: number;
  whole: number;
  partly: number;
}

async function runMutants(
  t: ExecutionContext,
  count: number,
  free: readonly Range[],
  next: () => Mutant,
): Promise<Tally> {
  const tally = { errors: 0, whole: 0, partly: 0 };
  for (let index = 0; index < count; index++) {
    const mutant = next();
    const map = await parse(t, mutant);
    if (map === null) {
      tally.errors++;
      continue;
    }
    const wrong = minus(freeOf(map), free);
    if (wrong.length > 0) t.deepEqual(wrong, [], `mutant ${index}: ${mutant.what}`);
    if (map.notes.length > 0) tally.partly++;
    else tally.whole++;
  }
  t.log(tally);
  return tally;
}

const fragmentedFree = `
for i in $(seq 1 900); do head -c 3000 /dev/zero > f$i; done; sync
for i in $(seq 1 2 900); do rm f$i; done
args=; for i in $(seq 0 300); do args="$args -c 'pwrite -q $((i * 64))k 4k'"; done
eval xfs_io -f $args scattered; sync`;

const kinds: Readonly<Record<string, readonly string[]>> = {
  'v5, deep trees': ['-b', 'size=1024', '-m', 'rmapbt=1,reflink=1', '-d', 'agcount=2'],
  'v5, blocks of 4 KiB': ['-d', 'agcount=4'],
};

for (const [name, options] of Object.entries(kinds)) {
  test.serial(`mutants of a clean volume: ${name}`, async (t) => {
    const image = await makeXfs(t, 64 * mebibyte, ['--unsupported', ...options]);
    await whileMounted(t, image, (directory) =>
      execa('bash', ['-ec', fragmentedFree], { cwd: directory }),
    );
    await assertMutants(t, image, 1000);
  });
}

test.serial('mutants of a clean volume: v4', async (t) => {
  const prototype = path.join(await scratchDirectory(t), 'prototype');
  const lines = Array.from({ length: 300 }, (_, index) => `f${index} ---644 0 0 /etc/passwd`);
  await execa('tee', [prototype], {
    input: ['/dev/null', '0 0', 'd--755 0 0', ...lines, '$', ''].join('\n'),
  });
  const options = ['--unsupported', '-m', 'crc=0', '-b', 'size=512', '-p', prototype];
  const image = await makeXfs(t, 40 * mebibyte, options);
  await assertMutants(t, image, 800);
});

/** A plain array: a Buffer's slices would share its memory. */
async function readBytes(image: string): Promise<Uint8Array> {
  return new Uint8Array(await readFile(image));
}

async function assertMutants(t: ExecutionContext, image: string, count: number): Promise<void> {
  const random = seededRandom(t, 0xbad);
  const pristine = inventory(await readBytes(image), await mapImage(image));
  for (const name of ['by-block free space B+tree', 'inode']) {
    t.true(pristine.structures.some((structure) => structure.name === name));
  }
  const free = await freeByXfsDb(image);
  const tally = await runMutants(t, count, free, () => mutate(pristine, random));
  t.true(tally.errors > count / 100 && tally.partly > count / 4);
}

test.serial('mutants of a crashed volume: structures and log', async (t) => {
  const random = seededRandom(t, 0xdead);
  const image = await makeXfs(t, 40 * mebibyte, ['--unsupported']);
  await whileMounted(t, image, async (directory) => {
    await runLoad(directory, random, 400);
    await execa('xfs_io', ['-x', '-c', 'shutdown -f', directory]);
  });
  const map = await mapImage(image);
  t.is(map.filesystem.journal.state, 'replayed');
  const bytes = await readBytes(image);
  const free = await freeByXfsDb(image);
  const pristine = inventory(bytes, map);
  await runMutants(t, 400, free, () => mutate(pristine, random));
  const [log = { start: 0, end: 0 }] = rangesOf(map, ({ reason }) => reason === 'journal');
  const records = findRecords(bytes, log);
  t.true(records.length > 20);
  const tally = await runMutants(t, 700, free, () => mutateLog(bytes, records, random));
  t.true(tally.partly > 50 && tally.whole > 50);
});
