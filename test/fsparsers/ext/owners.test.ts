/** Blocks that a file owns and the bitmap calls free count as used: judged by e2fsck, for everything that owns blocks. */

import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import { execa } from 'execa';
import { attributeBlockOf, blocksOf, freeOwned, missedByE2fsck } from '../../support/ext-freed.js';
import { seededRandom } from '../../support/random.js';
import { scratchDirectory, sparseFile } from '../../support/scratch.js';
import { parseImage } from './parsing.js';

const mebibyte = 2 ** 20;

const layouts: Readonly<Record<string, { options: string; mebibytes: number }>> = {
  'ext2, indirect blocks of two levels': { options: '-t ext2 -b 1024 -g 2048', mebibytes: 32 },
  'ext3, 4 KiB': { options: '-t ext3 -b 4096 -g 2048', mebibytes: 64 },
  'ext4, extent trees': { options: '-t ext4 -b 1024 -g 2048', mebibytes: 32 },
  'ext4 without flex_bg and checksums': {
    options: '-t ext4 -b 4096 -g 2048 -O ^metadata_csum,^uninit_bg,^flex_bg',
    mebibytes: 64,
  },
  'ext4, uninit_bg, meta_bg': {
    options: '-t ext4 -b 1024 -g 1024 -O ^metadata_csum,uninit_bg,meta_bg,^resize_inode',
    mebibytes: 32,
  },
  'ext4, attributes in inodes of their own': {
    options: '-t ext4 -b 1024 -g 2048 -O ea_inode,inline_data -I 512',
    mebibytes: 32,
  },
  'ext4, bigalloc': { options: '-t ext4 -b 1024 -O bigalloc -C 16384', mebibytes: 64 },
};

/** Small files of which every second one goes again, and a large one in the gaps: a mapping of its own blocks. */
async function fill(image: string): Promise<string[]> {
  const directory = path.dirname(image);
  const small = path.join(directory, 'small');
  const large = path.join(directory, 'large');
  const value = path.join(directory, 'value');
  await writeFile(small, Buffer.alloc(9000, 'small'));
  await writeFile(large, Buffer.alloc(4 * mebibyte, 'large'));
  await writeFile(value, Buffer.alloc(800, 'value'));
  const names = Array.from({ length: 300 }, (_, nth) => `dir/a-rather-long-name-of-a-file-${nth}`);
  const script = [
    'mkdir dir',
    ...names.map((name) => `write ${small} ${name}`),
    ...names.filter((_, nth) => nth % 2 === 0).map((name) => `rm ${name}`),
    `write ${large} large`,
    `ea_set -f ${value} large user.long`,
    `symlink longlink ${'x'.repeat(200)}`,
    `symlink shortlink ${'x'.repeat(20)}`,
  ];
  await execa('debugfs', ['-w', '-f', '-', image], { input: script.join('\n') });
  return ['large', 'longlink', 'dir', ...names.filter((_, nth) => nth % 50 === 1)];
}

for (const [name, { options, mebibytes }] of Object.entries(layouts)) {
  test(name, async (t) => {
    const random = seededRandom(t, 15_261);
    const image = await sparseFile(
      path.join(await scratchDirectory(t), 'image'),
      mebibytes * mebibyte,
    );
    await execa('mke2fs', ['-q', '-F', ...options.split(' '), image]);
    const files = await fill(image);
    const owned: number[] = [];
    for (const file of files) owned.push(...(await blocksOf(image, file)));
    const attributes = await attributeBlockOf(image, 'large');
    const sound = await parseImage(image);
    t.is(sound.crossCheck?.state, 'done');
    t.is(sound.crossCheck?.contradictedBytes, 0, JSON.stringify(sound.notes));
    t.is(sound.filesystem.state, 'clean');

    // The first block of a mapping, the attributes, and blocks of everybody.
    const chosen = owned.filter(() => random.next() < 0.02);
    await freeOwned(image, [...new Set([...chosen, ...(attributes === null ? [] : [attributes])])]);
    const missed = await missedByE2fsck(image);
    t.true(missed.length > 5, 'e2fsck finds nothing wrong');

    const { blockBytes } = sound.filesystem;
    const believing = await parseImage(image, { crossCheck: 'none' });
    t.is(believing.crossCheck?.state, 'skipped');
    t.true(missed.some((block) => believing.ranges.find(block * blockBytes).reason === 'free'));

    const map = await parseImage(image);
    const lost = missed.filter((block) => map.ranges.find(block * blockBytes).reason === 'free');
    t.deepEqual(lost, []);
    t.is(map.crossCheck?.state, 'done');
    if (!options.includes('bigalloc')) {
      t.is(map.crossCheck?.contradictedBytes, missed.length * blockBytes);
    }
    t.is(map.filesystem.state, 'errors');
    const note = map.notes.find(({ code }) => code === 'FREE_BUT_CLAIMED');
    t.is(note?.severity, 'warning');
    t.regex(note?.message ?? '', /bytes as free that belong to inode \d+ .*e2fsck -f/);
  });
}

test('a broken inode is told, and what is sound beside it still counts', async (t) => {
  const image = await sparseFile(path.join(await scratchDirectory(t), 'image'), 32 * mebibyte);
  await execa('mke2fs', ['-q', '-F', '-t', 'ext4', '-b', '1024', '-g', '2048', image]);
  const [large = ''] = await fill(image);
  // An extent index that leads nowhere: debugfs mends the inode's checksum.
  const script = ['set_inode_field large block[4] 0xfffffff0'];
  const freed = (await blocksOf(image, 'longlink')).slice(0, 1);
  await freeOwned(image, freed);
  await execa('debugfs', ['-w', '-f', '-', image], { input: script.join('\n') });
  const map = await parseImage(image);
  t.is(map.crossCheck?.state, 'partial', large);
  t.is(map.crossCheck?.contradictedBytes, 1024);
  const codes = map.notes.map(({ code }) => code);
  t.true(codes.includes('CROSS_CHECK_PARTIAL') && codes.includes('FREE_BUT_CLAIMED'));
});

test('what would cost too much is left, said, and done where it is asked for', async (t) => {
  // Tables of 128 MiB, all of them written as an ext3 has them, and next to nothing in use beside.
  const image = await sparseFile(path.join(await scratchDirectory(t), 'image'), 2048 * mebibyte);
  await execa('mke2fs', ['-q', '-F', '-t', 'ext3', '-N', '800000', image]);
  const map = await parseImage(image);
  t.is(map.crossCheck?.state, 'skipped');
  const note = map.notes.find(({ code }) => code === 'CROSS_CHECK_SKIPPED');
  t.is(note?.severity, 'info');
  t.regex(note?.message ?? '', /\d+ MiB to read, \d+ MiB in use.*--cross-check owners/);
  const asked = await parseImage(image, { crossCheck: 'owners' });
  t.is(asked.crossCheck?.state, 'done');
});

test('inodes of 16 KiB are read in no larger pieces than small ones', async (t) => {
  const image = await sparseFile(path.join(await scratchDirectory(t), 'image'), 1024 * mebibyte);
  const options = '-t ext3 -b 65536 -I 16384 -N 20000'.split(' ');
  await execa('mke2fs', ['-q', '-F', ...options, image]);
  let longest = 0;
  const map = await parseImage(image, { crossCheck: 'owners' }, (lengthBytes) => {
    longest = Math.max(longest, lengthBytes);
  });
  t.is(map.crossCheck?.state, 'done');
  t.true(longest <= 8 * mebibyte, `${longest} bytes at once`);
});
