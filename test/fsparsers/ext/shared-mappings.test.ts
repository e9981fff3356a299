/** Files that all go through the same indirect blocks, as no sound file system has: read once, not once for each. */

import { open } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import { execa } from 'execa';
import { scratchDirectory, sparseFile } from '../../support/scratch.js';
import { parseImage } from './parsing.js';

const blockBytes = 4096;
const perBlock = blockBytes / 4;
const inodeBytes = 128;
const sizeBytes = 8 * 2 ** 30;
/** Far behind all that mke2fs wrote, and free. */
const firstNode = 1_500_000;
const firstData = 1_600_000;
const doubles = 4;
const singlesEach = 256;

function pointersTo(blocks: readonly number[]): Buffer {
  const bytes = Buffer.alloc(blockBytes);
  for (const [nth, block] of blocks.entries()) bytes.writeUInt32LE(block, 4 * nth);
  return bytes;
}

const row = (from: number, count: number) => Array.from({ length: count }, (_, nth) => from + nth);

/** A tree of indirect blocks; gives its root, and how many blocks it is made of. */
async function writeTree(image: string): Promise<{ root: number; blocks: number }> {
  await using file = await open(image, 'r+');
  const write = (block: number, bytes: Buffer) =>
    file.write(bytes, 0, blockBytes, block * blockBytes);
  const singles = firstNode + 1 + doubles;
  await write(firstNode, pointersTo(row(firstNode + 1, doubles)));
  for (let double = 0; double < doubles; double++) {
    const children = row(singles + double * singlesEach, singlesEach);
    await write(firstNode + 1 + double, pointersTo(children));
    // All of the last height map the same data: there is much to read, and little behind it.
    for (const child of children) await write(child, pointersTo(row(firstData, perBlock)));
  }
  return { root: firstNode, blocks: 1 + doubles * (1 + singlesEach) };
}

test('time and memory are those of the blocks that there are', async (t) => {
  const image = await sparseFile(path.join(await scratchDirectory(t), 'image'), sizeBytes);
  const options = `-t ext2 -b ${blockBytes} -I ${inodeBytes} -N 8192`.split(' ');
  await execa('mke2fs', ['-q', '-F', ...options, image]);
  const { stdout } = await execa('dumpe2fs', [image]);
  const tables = [...stdout.matchAll(/Inode table at (\d+)-(\d+)/g)].map(([, first]) =>
    Number(first),
  );
  const perGroup = Number(/Inodes per group: +(\d+)/.exec(stdout)?.[1]);
  const { root, blocks } = await writeTree(image);

  const inode = Buffer.alloc(inodeBytes);
  inode.writeUInt16LE(0o100644, 0x00);
  inode.writeUInt32LE(2 ** 31, 0x04);
  inode.writeUInt16LE(1, 0x1a);
  inode.writeUInt32LE(root, 0x28 + 4 * 14);
  const tableBytes = perGroup * inodeBytes;
  {
    await using file = await open(image, 'r+');
    // The first group has the file system's own.
    for (const table of tables.slice(1)) {
      await file.write(Buffer.alloc(tableBytes, inode), 0, tableBytes, table * blockBytes);
    }
  }

  const before = await readBytes(image, 'none');
  const { bytes, map } = await readBytes(image, 'owners');
  // Each block of the tree once; what lies between pieces that are read together is some more.
  const most = before.bytes + 2 * blocks * blockBytes + 2 * tables.length * tableBytes + 2 ** 24;
  t.true(bytes < most, `${bytes} bytes were read, ${most} at most were expected`);
  t.is(map.crossCheck?.state, 'partial');
  const notes = map.notes.map(({ message }) => message).join('\n');
  t.regex(notes, /block \d+ of its mapping is in another place of a mapping too/);
  // What is claimed twice counts twice.
  t.true(Number(map.crossCheck?.contradictedBytes) >= (blocks + perBlock) * blockBytes);
  for (const block of [firstNode, firstNode + blocks - 1, firstData, firstData + perBlock - 1]) {
    t.is(map.ranges.find(block * blockBytes).reason, 'data', String(block));
  }
});

test('blocks of pointers in a circle are read once for each height', async (t) => {
  const image = await sparseFile(path.join(await scratchDirectory(t), 'image'), sizeBytes);
  await execa('mke2fs', ['-q', '-F', ...`-t ext2 -b ${blockBytes} -N 8192`.split(' '), image]);
  {
    await using file = await open(image, 'r+');
    const toItself = pointersTo(row(0, perBlock).fill(firstNode));
    await file.write(toItself, 0, blockBytes, firstNode * blockBytes);
  }
  const source = path.join(path.dirname(image), 'empty');
  await sparseFile(source, 0);
  const script = [
    `write ${source} file`,
    ...['IND', 'DIND', 'TIND'].map((which) => `sif file block[${which}] ${firstNode}`),
  ];
  await execa('debugfs', ['-w', '-f', '-', image], { input: script.join('\n') });
  const without = await readBytes(image, 'none');
  const { bytes, map } = await readBytes(image, 'owners');
  t.true(bytes < without.bytes + 2 ** 26, `${bytes} bytes were read`);
  t.is(map.crossCheck?.state, 'partial');
  t.is(map.ranges.find(firstNode * blockBytes).reason, 'data');
});

async function readBytes(image: string, crossCheck: 'none' | 'owners') {
  let bytes = 0;
  const map = await parseImage(image, { crossCheck }, (lengthBytes) => {
    bytes += lengthBytes;
  });
  return { bytes, map };
}
