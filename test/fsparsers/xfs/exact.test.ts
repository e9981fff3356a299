/** Maps of real XFS volumes, to the block, against the kernel's GETFSMAP and xfs_db. */

import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import { execa } from 'execa';
import { scratchDirectory } from '../../support/scratch.js';
import { assertClean, populate } from './clean.js';
import {
  assertFreeByKernel,
  bytesIn,
  freeOf,
  makeXfs,
  mebibyte,
  rangesOf,
  readFreeLists,
  whileMounted,
} from './support.js';

const populated: readonly (readonly [string, readonly string[]])[] = [
  ['the defaults', []],
  ['blocks of 1 KiB', ['-b', 'size=1024']],
  ['blocks of 2 KiB and inodes of 1 KiB', ['-b', 'size=2048', '-i', 'size=1024']],
  ['blocks of 16 KiB', ['-b', 'size=16384']],
  ['blocks of 64 KiB', ['-b', 'size=65536']],
  ['sectors of 1 KiB', ['-s', 'size=1024']],
  ['sectors of 4 KiB', ['-s', 'size=4096']],
  ['many allocation groups', ['--unsupported', '-d', 'agsize=16m']],
  ['one allocation group', ['--unsupported', '-d', 'agcount=1']],
  ['a short last group', ['-d', 'agsize=100m,size=350m']],
  ['every tree there is', ['-m', 'rmapbt=1,reflink=1,finobt=1,inobtcount=1,bigtime=1']],
  ['no tree that can be left out', ['-m', 'rmapbt=0,reflink=0,finobt=0,inobtcount=0,bigtime=0']],
  ['inode chunks without holes', ['-i', 'sparse=0']],
  ['64-bit extent counters', ['-i', 'nrext64=1']],
  ['a log with a stripe unit', ['-l', 'su=256k']],
];

for (const [name, options] of populated) {
  test(`populated: ${name}`, async (t) => {
    const image = await makeXfs(t, 512 * mebibyte, options);
    await whileMounted(t, image, populate);
    const map = await assertClean(t, image);
    await assertFreeByKernel(t, image, map);
    t.true(bytesIn(freeOf(map)) > 64 * mebibyte);
    t.is(map.ranges.totals().outside, map.deviceBytes - map.filesystem.sizeBytes);
  });
}

/** The kernel here may have no XFS v4: such volumes are filled by mkfs.xfs from a prototype. */
const prototyped: readonly (readonly [string, readonly string[]])[] = [
  ['v4', ['-m', 'crc=0']],
  ['v4, blocks of 512 bytes', ['-m', 'crc=0', '-b', 'size=512']],
  ['v4, blocks of 64 KiB', ['-m', 'crc=0', '-b', 'size=65536']],
  ['v4, sectors of 4 KiB', ['-m', 'crc=0', '-s', 'size=4096']],
  ['v4, version 1 log', ['-m', 'crc=0', '-l', 'version=1']],
  ['v4 without lazy counters', ['-m', 'crc=0', '-l', 'lazy-count=0']],
  ['v5, blocks of 8 KiB', ['-b', 'size=8192']],
  ['v5, blocks of 32 KiB', ['-b', 'size=32768']],
];

for (const [name, options] of prototyped) {
  test(`from a prototype: ${name}`, async (t) => {
    const prototype = path.join(await scratchDirectory(t), 'prototype');
    await writePrototype(prototype);
    const image = await makeXfs(t, 512 * mebibyte, [...options, '-p', prototype]);
    await assertClean(t, image);
  });
}

/** mkfs.xfs(8), "prototype_options": node's own program and many small files as content. */
async function writePrototype(file: string): Promise<void> {
  const node = process.execPath;
  const lines = Array.from({ length: 200 }, (_, index) => `f${index} ---644 0 0 /etc/passwd`);
  await writeFile(
    file,
    ['/dev/null', '0 0', 'd--755 0 0', `node ---755 0 0 ${node}`, ...lines, '$', ''].join('\n'),
  );
}

test('a new UUID leaves the headers with the old one', async (t) => {
  const image = await makeXfs(t, 512 * mebibyte);
  await whileMounted(t, image, populate);
  await execa('xfs_admin', ['-U', 'generate', image]);
  const map = await assertClean(t, image);
  t.true(map.filesystem.features.includes('metaUuid'));
  const { stdout } = await execa('blkid', ['-p', '-s', 'UUID', '-o', 'value', image]);
  t.is(map.filesystem.uuid, stdout);
});

test('the free list wraps around its sector', async (t) => {
  const image = await makeXfs(t, 512 * mebibyte);
  await whileMounted(t, image, populate);
  await wrapFreeList(image);
  await execa('xfs_repair', ['-n', image]);
  const map = await assertClean(t, image);
  await assertFreeByKernel(t, image, map);
  const [list] = await readFreeLists(image, 1);
  for (const agbno of list?.blocks ?? []) {
    t.is(map.locate(agbno * map.filesystem.blockBytes), 'AG 0 free list (AGFL)');
  }
});

/** Moves group 0's free list to where its middle meets the sector's end; xfs_db mends checksums. */
async function wrapFreeList(image: string): Promise<void> {
  const [{ blocks, slots } = { blocks: [], slots: NaN }] = await readFreeLists(image, 1);
  const first = slots - Math.floor(blocks.length / 2);
  const slotOf = (index: number) => (first + index) % slots;
  const commands = [
    'agfl 0',
    ...blocks.map((block, index) => `write bno[${slotOf(index)}] ${block}`),
    'agf 0',
    `write flfirst ${first}`,
    `write fllast ${slotOf(blocks.length - 1)}`,
  ];
  await execa('xfs_db', ['-x', ...commands.flatMap((command) => ['-c', command]), image]);
}

test('the space behind the file system is outside, and used', async (t) => {
  const image = await makeXfs(t, 512 * mebibyte, ['-d', 'size=300m']);
  const map = await assertClean(t, image);
  t.deepEqual(
    rangesOf(map, ({ reason }) => reason === 'outside'),
    [{ start: map.filesystem.sizeBytes, end: 512 * mebibyte }],
  );
});

test('label, UUID and log are those that blkid and xfs_db print', async (t) => {
  const image = await makeXfs(t, 512 * mebibyte, ['-L', 'a label']);
  const map = await assertClean(t, image);
  const { stdout } = await execa('blkid', ['-p', '-o', 'export', image]);
  t.true(stdout.includes(`UUID=${map.filesystem.uuid}`));
  t.is(map.filesystem.label, 'a label');
  const log = rangesOf(map, ({ reason }) => reason === 'journal');
  const db = await execa('xfs_db', ['-r', '-c', 'sb 0', '-c', 'p logblocks', image]);
  t.is(`logblocks = ${bytesIn(log) / map.filesystem.blockBytes}`, db.stdout);
  t.is(map.locate(log[0]?.start ?? 0), 'log');
  t.is(map.locate(0), 'AG 0 superblock');
});
