/** Blocks that an ext file system lists as bad are left alone: e2fsck and mke2fs make the list, the disk fails. */

import { copyFile, open, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { fileWithBadSectors } from '../engine/nbd.js';
import { fastsyncJson } from '../support/fastsync.js';
import { fastverifyJson } from '../support/fastverify.js';
import { fillWithGarbage } from '../support/garbage.js';
import { mounted, scratchDirectory, sparseFile } from '../support/scratch.js';
import { populateTree, treeDifferences } from '../support/tree.js';

const mebibyte = 2 ** 20;
const bytes = 64 * mebibyte;
/** So many that the list needs an indirect block. */
const bad = [9000, 9001, 9002, ...Array.from({ length: 40 }, (_, nth) => 12_000 + 3 * nth)];
const badRanges = bad.map((block) => [block * 4096, 4096] as const);

async function makeSource(t: ExecutionContext, lister: 'e2fsck' | 'mke2fs', type: string) {
  const directory = await scratchDirectory(t);
  const image = await sparseFile(path.join(directory, 'source.img'), bytes);
  const list = path.join(directory, 'list');
  await writeFile(list, `${bad.join('\n')}\n`);
  const early = lister === 'mke2fs' ? ['-l', list] : [];
  await execa('mke2fs', ['-q', '-F', '-t', type, '-b', '4096', ...early, image]);
  const { directory: mount, unmount } = await mounted(t, image);
  await populateTree(mount, 3, 8);
  await unmount();
  // A file that has such a block is moved out of it: exit code 1, mended.
  if (lister === 'e2fsck') {
    await execa('e2fsck', ['-f', '-y', '-l', list, image], { reject: false });
  }
  await execa('e2fsck', ['-fn', image]);
  return { directory, image };
}

for (const [lister, type] of [
  ['e2fsck', 'ext4'],
  ['mke2fs', 'ext3'],
] as const) {
  test(`${type}, the list made by ${lister}`, async (t) => {
    const { directory, image } = await makeSource(t, lister, type);
    const source = await fileWithBadSectors(t, image, bytes, badRanges);
    const target = await sparseFile(path.join(directory, 'target.img'), bytes);
    await fillWithGarbage(target, bytes);
    const state = ['--state-dir', path.join(directory, 'state')];
    const pair = ['--src', source, '--dst', target, ...state];
    const seeded = await fastsyncJson(['init', ...pair, '--yes']);
    t.is(seeded.exitCode, 0, seeded.stderr + JSON.stringify(seeded.summary));
    const note = seeded.lines.find(({ code }) => code === 'BAD_BLOCKS_LEFT_OUT');
    t.regex(String(note?.message), new RegExp(`lists ${bad.length * 4096} bytes as bad`));
    t.is((await fastverifyJson(pair)).exitCode, 0);
    const manifest = path.join(directory, 'manifest');
    const made = await fastverifyJson(['--src', source, '--write-manifest', manifest]);
    t.is(made.exitCode, 0);

    await execa('e2fsck', ['-fn', target]);
    const left = await mounted(t, image, ['-o', 'ro']);
    const right = await mounted(t, target, ['-o', 'ro']);
    t.deepEqual(await treeDifferences(left.directory, right.directory), []);
  });
}

for (const free of ['zero', 'discard'] as const) {
  test(`--free ${free} does to bad blocks' places on the target what it does to free space`, async (t) => {
    const { directory, image } = await makeSource(t, 'e2fsck', 'ext4');
    const source = await fileWithBadSectors(t, image, bytes, badRanges);
    const target = await sparseFile(path.join(directory, 'target.img'), bytes);
    await fillWithGarbage(target, bytes);
    const pair = ['--src', source, '--dst', target, '--state-dir', path.join(directory, 'state')];
    const seeded = await fastsyncJson(['init', ...pair, '--yes', '--free', free]);
    t.is(seeded.exitCode, 0, seeded.stderr + JSON.stringify(seeded.summary));
    t.is((await fastverifyJson(pair)).exitCode, 0);
    if (free === 'zero') {
      const copy = await readFile(target);
      for (const [start, length] of badRanges) {
        t.true(
          copy.subarray(start, start + length).every((byte) => byte === 0),
          `byte ${start}`,
        );
      }
    }
    await execa('e2fsck', ['-fn', target]);
    const left = await mounted(t, image, ['-o', 'ro']);
    const right = await mounted(t, target, ['-o', 'ro']);
    t.deepEqual(await treeDifferences(left.directory, right.directory), []);
  });
}

test('bad blocks are left out where free space is compared too', async (t) => {
  const { directory, image } = await makeSource(t, 'e2fsck', 'ext4');
  const source = await fileWithBadSectors(t, image, bytes, badRanges);
  const copy = path.join(directory, 'copy.img');
  await copyFile(image, copy);
  const words = ['--src', source, '--dst', copy, '--free', 'verify'];
  const verify = async (name: string) =>
    (await fastverifyJson([...words, '--state-dir', path.join(directory, name)])).exitCode;
  const { stdout } = await execa('debugfs', ['-R', 'ffb 1 10000', copy]);
  const free = Number(/\d+/.exec(stdout.replace('Free blocks found:', ''))?.[0]);
  t.true(free > 0, stdout);
  const file = await open(copy, 'r+');
  try {
    for (const [start, length] of badRanges)
      await file.write(Buffer.alloc(length, 1), 0, length, start);
    t.is(await verify('first'), 0);
    await file.write(Buffer.alloc(512, 1), 0, 512, free * 4096);
    t.is(await verify('second'), 1);
  } finally {
    await file.close();
  }
});

test('a bad sector that is on no list is still one', async (t) => {
  const { directory, image } = await makeSource(t, 'e2fsck', 'ext4');
  const { stdout } = await execa('debugfs', ['-R', 'blocks large', image]);
  const block = Number(stdout.trim().split(/\s+/)[40]);
  t.false(bad.includes(block));
  const ranges = [...badRanges, [block * 4096, 4096] as const].toSorted((a, b) => a[0] - b[0]);
  const source = await fileWithBadSectors(t, image, bytes, ranges);
  const target = path.join(directory, 'target.img');
  const state = ['--state-dir', path.join(directory, 'state')];
  const { exitCode, summary } = await fastsyncJson([
    'init',
    '--src',
    source,
    '--dst',
    target,
    ...state,
  ]);
  t.is(exitCode, 3, JSON.stringify(summary));
});
