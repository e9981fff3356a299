/** `--swap header`: the pages of swap space are nobody's data, unless a system sleeps in them. */

import { copyFile, open, readFile } from 'node:fs/promises';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { fileWithBadSectors } from '../engine/nbd.js';
import { fastsyncJson } from '../support/fastsync.js';
import { fillWithGarbage } from '../support/garbage.js';
import { scratchDirectory, sparseFile } from '../support/scratch.js';

const mebibyte = 1024 ** 2;
const sizeBytes = 4 * mebibyte;
const signatures = ['S1SUSPEND', 'S2SUSPEND', 'ULSUSPEND', 'LINHIB0001'];
const pageSizes = [4096, 8192, 16384, 32768, 65536];

/** Swap space full of what was swapped out, or of the image of a system's memory. */
async function swapSpace(t: ExecutionContext, pageBytes: number): Promise<string> {
  const directory = await scratchDirectory(t);
  const image = await sparseFile(path.join(directory, 'swap.img'), sizeBytes);
  await fillWithGarbage(image, sizeBytes, 3);
  await execa('mkswap', ['--pagesize', String(pageBytes), '--label', 'paging', image]);
  return image;
}

async function edit(image: string, change: (page: Buffer) => void, pageBytes: number, at = 0) {
  const file = await open(image, 'r+');
  try {
    const page = Buffer.alloc(pageBytes);
    await file.read(page, 0, pageBytes, at);
    change(page);
    await file.write(page, 0, pageBytes, at);
  } finally {
    await file.close();
  }
}

/**
 * Linux kernel/power/swap.c: struct swsusp_header ends the page, and mark_swapfiles() keeps the
 * signature of the swap space in orig_sig before it writes its own over it.
 */
function hibernate(signature: string) {
  return (page: Buffer): void => {
    const sigAt = page.length - 10;
    const originalAt = sigAt - 10;
    page.copy(page, originalAt, sigAt, sigAt + 10);
    page.fill(0, sigAt);
    page.write(signature, sigAt, 'latin1');
    page.writeUInt32LE(1, originalAt - 4); // flags
    page.writeBigUInt64LE(1n, originalAt - 12); // image: the first sector of the swap map
  };
}

/** TuxOnIce keeps the header whole and marks the page's beginning. */
function hibernateByTuxOnIce(page: Buffer): void {
  Buffer.from('edc302e99856e50c', 'hex').copy(page);
}

async function seedHeader(t: ExecutionContext, source: string, bytes = sizeBytes) {
  const target = `${source}.target`;
  await copyFile(source, target);
  await fillWithGarbage(target, bytes, 9);
  const words = ['init', '--src', source, '--dst', target, '--yes', '--swap', 'header'];
  const result = await fastsyncJson([...words, '--state-dir', `${source}.state`]);
  t.is(result.exitCode, 0, result.stderr);
  const note = result.lines.find(({ code }) => code === 'SWAP_HIBERNATED');
  return { target, note };
}

async function blkidType(image: string): Promise<string> {
  return (await execa('blkid', ['--probe', '--output', 'value', '-s', 'TYPE', image])).stdout;
}

for (const pageBytes of pageSizes) {
  test(`pages of ${pageBytes} bytes: the image of a hibernated system is copied whole`, async (t) => {
    for (const [name, change] of [
      ...(pageBytes === 4096 ? signatures : signatures.slice(0, 1)).map(
        (signature) => [signature, hibernate(signature)] as const,
      ),
      ['TuxOnIce', hibernateByTuxOnIce] as const,
    ]) {
      const source = await swapSpace(t, pageBytes);
      await edit(source, change, pageBytes);
      t.is(await blkidType(source), 'swsuspend', name);
      const { target, note } = await seedHeader(t, source);
      t.regex(String(note?.message), /hibernated/, name);
      await t.notThrowsAsync(execa('cmp', [source, target]), name);
    }
  });

  test(`pages of ${pageBytes} bytes: of a system that is awake only the header`, async (t) => {
    const source = await swapSpace(t, pageBytes);
    const { target, note } = await seedHeader(t, source);
    t.is(note, undefined);
    t.is(await blkidType(target), 'swap');
    const [left, right] = await Promise.all([readFile(source), readFile(target)]);
    t.true(left.subarray(0, pageBytes).equals(right.subarray(0, pageBytes)));
    t.false(left.equals(right));
  });
}

test('swap partitions of a disk are treated as swap volumes are', async (t) => {
  const directory = await scratchDirectory(t);
  const diskBytes = 16 * mebibyte;
  const disk = await sparseFile(path.join(directory, 'disk.img'), diskBytes);
  await fillWithGarbage(disk, diskBytes, 4);
  await edit(disk, (head) => head.fill(0), mebibyte);
  const layout = 'label: dos\nstart=2M, size=4M, type=82\nstart=8M, size=4M, type=82\n';
  await execa('sfdisk', [disk], { input: layout });
  for (const [start, isAsleep] of [
    [2 * mebibyte, true],
    [8 * mebibyte, false],
  ] as const) {
    const swap = await swapSpace(t, 4096);
    if (isAsleep) await edit(swap, hibernate('S1SUSPEND'), 4096);
    const content = await readFile(swap);
    await edit(disk, (part) => void content.copy(part), content.length, start);
  }
  const { target, note } = await seedHeader(t, disk, diskBytes);
  t.regex(String(note?.message), /^partition 1: .*hibernated/);
  const [left, right] = await Promise.all([readFile(disk), readFile(target)]);
  const partition = (image: Buffer, start: number) =>
    image.subarray(start * mebibyte, (start + 4) * mebibyte);
  t.true(partition(left, 2).equals(partition(right, 2)));
  t.false(partition(left, 8).equals(partition(right, 8)));
  const header = (image: Buffer) => partition(image, 8).subarray(0, 4096);
  t.true(header(left).equals(header(right)));
});

test('pages that the swap header lists as bad are left out', async (t) => {
  const source = await swapSpace(t, 4096);
  const bad = [5, 6, 700];
  // As mkswap --check writes them: nr_badpages and the list of union swap_header.
  const list = (page: Buffer): void => {
    page.writeUInt32LE(bad.length, 1032);
    for (const [index, number] of bad.entries()) page.writeUInt32LE(number, 1536 + 4 * index);
  };
  await edit(source, list, 4096);
  t.regex((await execa('file', [source])).stdout, / 3 bad pages/);
  const ranges = [
    [5 * 4096, 2 * 4096],
    [700 * 4096, 4096],
  ] as const;
  const disk = await fileWithBadSectors(t, source, sizeBytes, ranges);
  const target = path.join(path.dirname(source), 'target');
  const words = ['init', '--src', disk, '--dst', target, '--state-dir', `${source}.state`];
  const { exitCode, lines, stderr } = await fastsyncJson(words);
  t.is(exitCode, 0, stderr);
  t.true(lines.some(({ code }) => code === 'BAD_BLOCKS_LEFT_OUT'));
  const expected = await readFile(source);
  for (const [start, length] of ranges) expected.fill(0, start, start + length);
  t.true(expected.equals(await readFile(target)));
});
