/** Volumes out of the ordinary: huge, shattered, of unknown or rare features, or lying with one voice. */

import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { ParseError } from '../../../fsparsers/errors.js';
import { BufferReader, type ByteReader } from '../../../fsparsers/reader.js';
import type { UsedMap } from '../../../fsparsers/usedmap.js';
import { xfsParser } from '../../../fsparsers/xfs/index.js';
import { attachLoop, scratchDirectory, sparseFile } from '../../support/scratch.js';
import { MutantReader, mendChecksum } from './mutants.js';
import {
  bytesIn,
  freeByXfsDb,
  freeOf,
  makeXfs,
  mapImage,
  mebibyte,
  merged,
  minus,
  rangesOf,
  tebibyte,
  whileMounted,
  type Range,
} from './support.js';

/** Files of a few sizes, every third of them gone again. */
async function populate(directory: string): Promise<void> {
  for (let index = 0; index < 120; index++) {
    await writeFile(path.join(directory, `file${index}`), Buffer.alloc(index * 700, index));
  }
  for (let index = 0; index < 120; index += 3) await rm(path.join(directory, `file${index}`));
}

let small: Promise<Uint8Array> | undefined;

/** A small clean volume in memory, made once. */
function smallVolume(t: ExecutionContext): Promise<Uint8Array> {
  small ??= makeXfs(t, 64 * mebibyte, ['--unsupported']).then(async (image) => {
    await whileMounted(t, image, populate);
    return new Uint8Array(await readFile(image));
  });
  return small;
}

/** The volume with one 32-bit word of its superblock changed, and the checksum mended. */
function withSuperblockWord(bytes: Uint8Array, at: number, value: number): MutantReader {
  const sector = bytes.slice(0, 512);
  new DataView(sector.buffer).setUint32(at, value);
  mendChecksum(sector, 224);
  return new MutantReader(bytes, new Map([[0, sector]]));
}

function wordAt(bytes: Uint8Array, at: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(at);
}

function codesOf(map: UsedMap): string[] {
  return map.notes.map(({ code }) => code);
}

const incompatAt = 216;
const roCompatAt = 212;

test('rare features that leave the free-space trees alone change nothing', async (t) => {
  const bytes = await smallVolume(t);
  const plain = freeOf(await xfsParser.parse(new BufferReader(bytes)));
  for (const [name, bit] of Object.entries({ exchrange: 6, parent: 7, metadir: 8, zoned: 9 })) {
    const word = wordAt(bytes, incompatAt) | (1 << bit);
    const map = await xfsParser.parse(withSuperblockWord(bytes, incompatAt, word));
    t.deepEqual(freeOf(map), plain, name);
    t.true(map.filesystem.features.includes(name));
  }
});

test('features nobody knows leave nothing free', async (t) => {
  const bytes = await smallVolume(t);
  for (const at of [incompatAt, roCompatAt]) {
    const word = wordAt(bytes, at) | (1 << 20);
    const map = await xfsParser.parse(withSuperblockWord(bytes, at, word));
    t.deepEqual(freeOf(map), []);
    t.deepEqual(codesOf(map), ['XFS_FEATURE_UNKNOWN']);
  }
});

test('a volume that needs repair says so', async (t) => {
  const bytes = await smallVolume(t);
  const word = wordAt(bytes, incompatAt) | (1 << 4);
  const map = await xfsParser.parse(withSuperblockWord(bytes, incompatAt, word));
  t.is(map.filesystem.state, 'errors');
  t.deepEqual(codesOf(map), ['XFS_NEEDS_REPAIR']);
});

test('a realtime device is named as lying elsewhere', async (t) => {
  const realtime = await sparseFile(path.join(await scratchDirectory(t), 'rt.img'), 64 * mebibyte);
  const device = await attachLoop(t, realtime);
  const image = await makeXfs(t, 512 * mebibyte, ['-r', `rtdev=${device}`]);
  const map = await mapImage(image);
  t.deepEqual(codesOf(map), ['XFS_REALTIME_DEVICE']);
  t.deepEqual(freeOf(map), await freeByXfsDb(image));
});

test('more free space in the groups than in the superblock: nothing is free', async (t) => {
  const bytes = await smallVolume(t);
  const freeBlocksAt = 148; // the low word of sb_fdblocks
  const count = wordAt(bytes, freeBlocksAt);
  const fewer = await xfsParser.parse(withSuperblockWord(bytes, freeBlocksAt, count - 1));
  t.deepEqual(freeOf(fewer), []);
  t.deepEqual(codesOf(fewer), ['XFS_COUNTS_DIFFER']);
  const more = await xfsParser.parse(withSuperblockWord(bytes, freeBlocksAt, count + 1));
  t.true(freeOf(more).length > 0);
  t.deepEqual(codesOf(more), ['XFS_COUNTS_DIFFER']);
});

test('both free-space trees and the AGF lie alike: the superblock gives them away', async (t) => {
  const image = path.join(await scratchDirectory(t), 'liar.img');
  await writeFile(image, await smallVolume(t));
  const before = await freeByXfsDb(image);
  const xfsDb = async (...commands: string[]) => {
    const options = commands.flatMap((command) => ['-c', command]);
    return (await execa('xfs_db', ['-x', ...options, image])).stdout;
  };
  // One extent, the shortest, grows by a block, wherever either tree has it.
  const first = firstRecord(await xfsDb(...inTree('cntroot'), 'p recs'));
  const byBlock = records(await xfsDb(...inTree('bnoroot'), 'p recs'));
  const twin = byBlock.find(({ start }) => start === first.start);
  t.is(twin?.blocks, first.blocks);
  const [free = NaN] = numbers(await xfsDb('agf 0', 'p freeblks'));
  await xfsDb(
    ...[...inTree('cntroot'), `write recs[${first.index}].blockcount ${first.blocks + 1}`],
    ...[...inTree('bnoroot'), `write recs[${twin?.index}].blockcount ${first.blocks + 1}`],
    ...['agf 0', `write freeblks ${free + 1}`],
  );
  t.notDeepEqual(await freeByXfsDb(image), before);
  const map = await mapImage(image);
  t.deepEqual(minus(freeOf(map), before), []);
  t.deepEqual(codesOf(map), ['XFS_COUNTS_DIFFER']);
});

function inTree(root: string): string[] {
  return ['agf 0', `addr ${root}`];
}

/** Records as xfs_db prints them: "recs[1-2] = [startblock,blockcount] 1:[12,3] 2:[40,7]". */
function records(text: string): { index: number; start: number; blocks: number }[] {
  return [...text.matchAll(/(\d+):\[(\d+),(\d+)\]/g)].map(([, index, start, blocks]) => ({
    index: Number(index),
    start: Number(start),
    blocks: Number(blocks),
  }));
}

function firstRecord(text: string) {
  const [first] = records(text);
  if (first === undefined) throw new Error(`no records in ${text}`);
  return first;
}

function numbers(text: string): number[] {
  return [...text.matchAll(/ = (\d+)/g)].map(([, digits]) => Number(digits));
}

test('90 TiB, sparse', async (t) => {
  const folder = path.join(await scratchDirectory(t), 'huge');
  await mkdir(folder);
  await execa('mount', ['-t', 'tmpfs', 'tmpfs', folder]);
  t.teardown(() => execa('umount', ['--lazy', folder], { reject: false }));
  const image = await sparseFile(path.join(folder, 'xfs.img'), 90 * tebibyte);
  await execa('mkfs.xfs', ['-q', '-f', '-l', 'size=64m', image]);
  await whileMounted(t, image, populate);
  let readBytes = 0;
  const map = await mapImage(image, undefined, (lengthBytes) => (readBytes += lengthBytes));
  t.deepEqual(map.notes, []);
  t.deepEqual(freeOf(map), await freeByXfsDb(image));
  t.true(bytesIn(freeOf(map)) > 89.9 * tebibyte);
  t.true(readBytes < 32 * mebibyte, `${readBytes} bytes read`);
});

test('ten thousand free extents: trees of three levels', async (t) => {
  const image = await makeXfs(t, 400 * mebibyte, ['-b', 'size=1024', '-d', 'agcount=2']);
  const count = 10_000;
  await whileMounted(t, image, async (directory) => {
    const commands = [`falloc 0 ${2 * count}k`];
    for (let index = 0; index < count; index++) commands.push(`fpunch ${2 * index}k 1k`);
    const input = [...commands, 'quit', ''].join('\n');
    await execa('xfs_io', ['-f', path.join(directory, 'shattered')], { input, stdout: 'ignore' });
  });
  const { stdout } = await execa('xfs_db', ['-r', '-c', 'agf 0', '-c', 'p bnolevel', image]);
  t.is(stdout, 'bnolevel = 3');
  let reads = 0;
  const map = await mapImage(image, undefined, () => reads++);
  t.deepEqual(map.notes, []);
  t.deepEqual(freeOf(map), await freeByXfsDb(image));
  t.true(freeOf(map).length > count / 2);
  t.true(reads < 100, `${reads} reads`);
});

test("partclone's domain is the same, but for the free lists, which it leaves out", async (t) => {
  const image = await makeXfs(t, 512 * mebibyte);
  await whileMounted(t, image, populate);
  const domain = path.join(path.dirname(image), 'domain');
  const log = path.join(path.dirname(image), 'partclone.log');
  await execa('partclone.xfs', ['-D', '-s', image, '-O', domain, '-L', log]);
  const used: Range[] = [];
  for (const [, start, length] of (await readFile(domain, 'utf8')).matchAll(
    /^(0x\w+)\s+(0x\w+)\s+\+$/gm,
  )) {
    used.push({ start: Number(start), end: Number(start) + Number(length) });
  }
  const map = await mapImage(image);
  const here = rangesOf(map, ({ reason }) => reason !== 'free');
  t.deepEqual(minus(merged(used), here), []);
  for (const { start, end } of minus(here, merged(used))) {
    for (let at = start; at < end; at += map.filesystem.blockBytes) {
      t.regex(map.locate(at), /free list \(AGFL\)$/);
    }
  }
});

test('a superblock that claims the sky ends soon, whatever the device', async (t) => {
  const bytes = await smallVolume(t);
  const sector = bytes.slice(0, 512);
  const view = new DataView(sector.buffer);
  const agCount = 2 ** 31;
  view.setUint32(84, 4096); // sb_agblocks: the smallest group there is
  view.setUint8(124, 12); // sb_agblklog
  view.setUint32(88, agCount); // sb_agcount
  view.setBigUint64(8, BigInt(agCount) * 4096n); // sb_dblocks
  mendChecksum(sector, 224);
  let reads = 0;
  const endless: ByteReader = {
    sizeBytes: 2 ** 52,
    read(offsetBytes, lengthBytes) {
      reads++;
      const result = new Uint8Array(lengthBytes);
      if (offsetBytes === 0) result.set(sector.subarray(0, lengthBytes));
      return Promise.resolve(result);
    },
  };
  const outcome = await xfsParser.parse(endless).catch((error: unknown) => error);
  t.true(outcome instanceof ParseError || freeOf(outcome as UsedMap).length === 0);
  t.true(reads < 5000, `${reads} reads`);
});

test('a volume cut short is a typed error', async (t) => {
  const bytes = await smallVolume(t);
  const reader = new BufferReader(bytes.subarray(0, bytes.length - 4096));
  const error = await t.throwsAsync(xfsParser.parse(reader), { instanceOf: ParseError });
  t.is(error.code, 'TRUNCATED');
  t.is(error.structure, 'superblock');
});

test('a parse stops when it is told to', async (t) => {
  const bytes = await smallVolume(t);
  const controller = new AbortController();
  const inner = new BufferReader(bytes);
  let reads = 0;
  const reader: ByteReader = {
    sizeBytes: inner.sizeBytes,
    read(offsetBytes, lengthBytes) {
      if (++reads === 8) controller.abort(new Error('enough'));
      return inner.read(offsetBytes, lengthBytes);
    },
  };
  await t.throwsAsync(xfsParser.parse(reader, { signal: controller.signal }), {
    message: 'enough',
  });
  t.true(reads < 20);
});

test('the probe knows XFS, and nothing else', async (t) => {
  const bytes = await smallVolume(t);
  t.regex((await xfsParser.probe(new BufferReader(bytes))) ?? '', /^XFS v5, UUID [0-9a-f-]{36}$/);
  t.is(await xfsParser.probe(new BufferReader(new Uint8Array(4096))), null);
  t.is(await xfsParser.probe(new BufferReader(new Uint8Array(3))), null);
});
