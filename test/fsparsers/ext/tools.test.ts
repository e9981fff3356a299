/**
 * Volumes as e2fsprogs leave them: checked, repaired, tuned and resized. None of that may cost
 * exactness, so dumpe2fs must call the same blocks free as the map, and nothing be noted.
 */

import { truncate } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import { execa } from 'execa';
import { mounted, scratchDirectory, sparseFile } from '../../support/scratch.js';
import { freeExtents } from '../../support/free-extents.js';
import { freeByDumpe2fs } from './oracles.js';
import { parseImage, sameExtents } from './parsing.js';

const mebibyte = 1024 ** 2;

/** Leaves the image changed in its place. */
type Treatment = (image: string) => Promise<unknown>;

/** A command line; the image's name goes to its end. e2fsck may say that it has mended something. */
const run =
  (line: string, ...after: readonly string[]): Treatment =>
  async (image) => {
    const [program = '', ...options] = line.split(' ');
    const { exitCode, all } = await execa(program, [...options, image, ...after], {
      all: true,
      reject: false,
    });
    const isFine = exitCode === 0 || (program === 'e2fsck' && (exitCode ?? 9) < 3);
    if (!isFine) throw new Error(`${line}: exit code ${exitCode}: ${all}`);
  };

const inTurn =
  (...treatments: readonly Treatment[]): Treatment =>
  async (image) => {
    for (const treatment of treatments) await treatment(image);
  };

const check = run('e2fsck -fy');
const tune = (options: string) => inTurn(check, run(`tune2fs ${options}`), check);
/** Damage by debugfs; what it breaks, e2fsck mends. */
const damaged = (...requests: readonly string[]) =>
  inTurn(async (image) => {
    for (const request of requests) await execa('debugfs', ['-w', '-R', request, image]);
  }, check);
const grown: Treatment = async (image) => {
  await truncate(image, 300 * mebibyte);
  await run('resize2fs')(image);
};

const treatments: Readonly<
  Record<string, { readonly mkfs?: string; readonly treatment: Treatment }>
> = {
  'e2fsck -fy': { treatment: check },
  'e2fsck -fyD': { treatment: run('e2fsck -fyD') },
  'e2fsck of blocks that nobody has': { treatment: damaged('setb 60000 900') },
  'e2fsck of inodes that are gone': { treatment: damaged('clri <20>', 'clri <25>', 'clri <30>') },
  'e2fsck of wrong counts': { treatment: damaged('set_bg 1 free_blocks_count 7') },
  'e2fsck of a lost bitmap': { treatment: damaged('set_bg 2 block_bitmap 0') },
  'e2fsck of a lost inode table': { treatment: damaged('set_bg 2 inode_table 0') },
  'e2fsck -b of a lost superblock': {
    treatment: inTurn(
      async (image) => {
        const zeroes = ['if=/dev/zero', `of=${image}`, 'bs=1024', 'seek=1', 'count=1'];
        await execa('dd', [...zeroes, 'conv=notrunc']);
      },
      run('e2fsck -fy -b 8193 -B 1024'),
      check,
    ),
  },
  'e2fsck -E bmap2extent': { mkfs: 'ext3', treatment: run('e2fsck -fy -E bmap2extent') },
  'tune2fs -L, -m, -r, -e': { treatment: tune('-L renamed -m 1 -r 100 -e remount-ro') },
  'tune2fs -U random': { treatment: tune('-U random') },
  'tune2fs -U random, checksums with a seed': {
    treatment: inTurn(tune('-O metadata_csum_seed'), tune('-U random')),
  },
  'tune2fs -O ^metadata_csum': { treatment: tune('-O ^metadata_csum') },
  'tune2fs -O metadata_csum': {
    mkfs: 'ext4 -O ^metadata_csum,uninit_bg',
    treatment: tune('-O metadata_csum'),
  },
  'tune2fs -O ^uninit_bg': {
    mkfs: 'ext4 -O ^metadata_csum,uninit_bg',
    treatment: tune('-O ^uninit_bg'),
  },
  'tune2fs -O ^has_journal': { treatment: tune('-O ^has_journal') },
  'tune2fs -j': { mkfs: 'ext2', treatment: tune('-j') },
  'tune2fs -J size': { mkfs: 'ext4 -O ^has_journal', treatment: tune('-J size=4') },
  'tune2fs -O extents': { mkfs: 'ext3', treatment: tune('-O extents,uninit_bg') },
  'tune2fs -I 512': { mkfs: 'ext4 -O ^flex_bg', treatment: tune('-I 512') },
  'tune2fs -O quota,project': { mkfs: 'ext4 -I 256', treatment: tune('-O quota,project') },
  'tune2fs -O ^resize_inode': { treatment: tune('-O ^resize_inode') },
  'tune2fs -O large_dir,verity,fast_commit': { treatment: tune('-O large_dir,verity,fast_commit') },
  'tune2fs -O sparse_super': {
    mkfs: 'ext2 -O ^sparse_super,^resize_inode',
    treatment: tune('-O sparse_super'),
  },
  'resize2fs to a larger size': { treatment: inTurn(check, grown) },
  'resize2fs to a larger size, checked': { treatment: inTurn(check, grown, check) },
  'resize2fs to a smaller size': { treatment: inTurn(check, run('resize2fs', '80M')) },
  'resize2fs -M': { treatment: inTurn(check, run('resize2fs -M'), check) },
  'resize2fs smaller, then larger again': {
    treatment: inTurn(check, run('resize2fs -M'), run('resize2fs', '110M')),
  },
  'resize2fs -s': { mkfs: 'ext4 -O 64bit', treatment: inTurn(check, run('resize2fs -s')) },
  'resize2fs -b': { mkfs: 'ext4 -O ^64bit', treatment: inTurn(check, run('resize2fs -b')) },
  'resize2fs without flex_bg': { mkfs: 'ext4 -O ^flex_bg', treatment: inTurn(check, grown) },
  'resize2fs without resize_inode': {
    mkfs: 'ext4 -O ^resize_inode',
    treatment: inTurn(check, grown),
  },
};

const content = `
for i in $(seq 60); do head -c $((i * 9000)) /dev/zero | tr '\\0' x > f$i; done
for i in $(seq 1 3 60); do rm f$i; done
mkdir d; touch d/$(printf 'n%.0s' $(seq 200))`;

for (const [name, { mkfs = 'ext4', treatment }] of Object.entries(treatments)) {
  test(name, async (t) => {
    const image = await sparseFile(path.join(await scratchDirectory(t), 'ext.img'), 120 * mebibyte);
    const [type = '', ...options] = mkfs.split(' ');
    await execa('mke2fs', ['-q', '-F', '-t', type, '-b', '1024', ...options, image]);
    const { directory, unmount } = await mounted(t, image, ['-o', 'loop']);
    await execa('bash', ['-euc', content], { cwd: directory });
    await unmount();
    await treatment(image);
    const map = await parseImage(image);
    t.deepEqual(map.notes, []);
    t.is(map.filesystem.state, 'clean');
    t.is(map.crossCheck?.state, 'done');
    t.is(map.ranges.totals().unknown, 0);
    sameExtents(t, freeExtents(map.ranges), await freeByDumpe2fs(image), 'free by dumpe2fs');
  });
}
