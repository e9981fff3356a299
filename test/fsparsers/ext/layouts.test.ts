/** Maps of every layout mke2fs and resize2fs make, against dumpe2fs, the kernel and partclone. */

import path from 'node:path';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { execa } from 'execa';
import { clip, usedExtents } from '../../../src/region/index.js';
import { limited } from '../../support/limit.js';
import { scratchDirectory } from '../../support/scratch.js';
import { freeExtents } from '../../support/free-extents.js';
import { makeImage, recipe } from './images.js';
import type { ImageRecipe } from './images.js';
import { freeByDumpe2fs, freeByKernel, usedByPartclone } from './oracles.js';
import { parseImage, sameExtents } from './parsing.js';

interface Layout {
  readonly image: ImageRecipe;
  /** Why an oracle has nothing to say. */
  readonly noKernel?: string;
  readonly noPartclone?: string;
}

const largeBlocks = 'blocks larger than a page of memory: not every kernel mounts them';
const clusters = 'partclone counts clusters as blocks and gives up ("bitmap error")';

const layouts: Record<string, Layout> = {
  'ext2, 1 KiB': { image: recipe(64, '-t ext2 -b 1024') },
  'ext2, 2 KiB': { image: recipe(64, '-t ext2 -b 2048') },
  'ext2, revision 0': { image: recipe(48, '-t ext2 -r 0 -b 1024') },
  'ext2 without sparse_super': {
    image: recipe(96, '-t ext2 -b 1024 -O ^sparse_super,^resize_inode'),
  },
  'ext3, 1 KiB': { image: recipe(64, '-t ext3 -b 1024') },
  'ext3, 4 KiB': { image: recipe(128, '-t ext3 -b 4096') },
  'ext3, small groups': { image: recipe(64, '-t ext3 -b 4096 -g 2008') },
  'ext4, 1 KiB': { image: recipe(64, '-t ext4 -b 1024') },
  'ext4, 2 KiB': { image: recipe(64, '-t ext4 -b 2048') },
  'ext4, 4 KiB': { image: recipe(300, '-t ext4') },
  'ext4, 8 KiB': { image: recipe(128, '-t ext4 -b 8192'), noKernel: largeBlocks },
  'ext4, 16 KiB': { image: recipe(128, '-t ext4 -b 16384'), noKernel: largeBlocks },
  'ext4, 32 KiB': { image: recipe(256, '-t ext4 -b 32768'), noKernel: largeBlocks },
  'ext4, 64 KiB': { image: recipe(1024, '-t ext4 -b 65536 -g 8192'), noKernel: largeBlocks },
  'ext4 without 64bit': { image: recipe(64, '-t ext4 -b 1024 -O ^64bit') },
  'ext4, uninit_bg instead of metadata_csum': {
    image: recipe(256, '-t ext4 -b 1024 -O ^metadata_csum,uninit_bg'),
  },
  'ext4, uninit_bg, 32-bit descriptors': {
    image: recipe(256, '-t ext4 -b 1024 -O ^metadata_csum,uninit_bg,^64bit'),
  },
  'ext4 without checksums': { image: recipe(64, '-t ext4 -O ^metadata_csum,^uninit_bg') },
  'ext4 with all inode tables written': {
    image: recipe(128, '-t ext4 -b 1024 -E lazy_itable_init=0,lazy_journal_init=0'),
  },
  'ext4, metadata_csum_seed': { image: recipe(64, '-t ext4 -O metadata_csum_seed -U random') },
  'ext4, no journal': { image: recipe(128, '-t ext4 -O ^has_journal') },
  'ext4, odd blocks per group': { image: recipe(64, '-t ext4 -b 1024 -g 1016 -N 1024') },
  'ext4, groups of 256 blocks': { image: recipe(64, '-t ext4 -b 1024 -g 256') },
  'ext4, flex groups of 1': { image: recipe(128, '-t ext4 -b 1024 -G 1') },
  'ext4, flex groups of 256': { image: recipe(256, '-t ext4 -b 1024 -G 256') },
  'ext4 without flex_bg': { image: recipe(128, '-t ext4 -b 1024 -O ^flex_bg') },
  'ext4, packed metadata': { image: recipe(256, '-t ext4 -b 1024 -E packed_meta_blocks=1') },
  'ext4, meta_bg': { image: recipe(256, '-t ext4 -b 1024 -O meta_bg,^resize_inode') },
  'ext4, meta_bg, 4 KiB': {
    image: recipe(1024, '-t ext4 -O meta_bg,^resize_inode -g 2048 -N 8192'),
  },
  'ext4, meta_bg, 32-bit descriptors, no flex_bg': {
    image: recipe(256, '-t ext4 -b 1024 -g 1024 -O meta_bg,^resize_inode,^64bit,^flex_bg'),
  },
  'ext4, sparse_super2': { image: recipe(256, '-t ext4 -b 1024 -O sparse_super2,^resize_inode') },
  'ext4, sparse_super2, one backup': {
    image: recipe(256, '-t ext4 -b 1024 -O sparse_super2,^resize_inode -E num_backup_sb=1'),
  },
  'ext4 without sparse_super': {
    image: recipe(128, '-t ext4 -b 1024 -O ^sparse_super,^resize_inode'),
  },
  'ext4, large reserved table': { image: recipe(64, '-t ext4 -b 1024 -E resize=4000000') },
  'ext4, bigalloc 16 KiB of 1 KiB': {
    image: recipe(256, '-t ext4 -b 1024 -O bigalloc -C 16384'),
    noPartclone: clusters,
  },
  'ext4, bigalloc 64 KiB of 4 KiB': {
    image: recipe(1024, '-t ext4 -O bigalloc -C 65536 -g 1024'),
    noPartclone: clusters,
  },
  'ext4, bigalloc 1 MiB': {
    image: recipe(2048, '-t ext4 -O bigalloc -C 1048576'),
    noPartclone: clusters,
  },
  'ext4, bigalloc with uninit_bg': {
    image: recipe(1024, '-t ext4 -b 1024 -O bigalloc,^metadata_csum,uninit_bg -C 4096 -g 4096'),
    noPartclone: clusters,
  },
  'ext4, bigalloc 1 MiB of 64 KiB': {
    image: recipe(2048, '-t ext4 -b 65536 -O bigalloc -C 1048576'),
    noKernel: largeBlocks,
    noPartclone: clusters,
  },
  'ext4, multiple mount protection': {
    image: recipe(64, '-t ext4 -b 1024 -O mmp -E mmp_update_interval=1'),
  },
  'ext4, quota and project': { image: recipe(64, '-t ext4 -O quota,project -I 256') },
  'ext4, orphan file': { image: recipe(64, '-t ext4 -O orphan_file') },
  'ext4, inline data and large inodes': { image: recipe(64, '-t ext4 -O inline_data -I 1024') },
  'ext4, fast commits': { image: recipe(128, '-t ext4 -O fast_commit -J fast_commit_size=1') },
  'ext4, journal at the end': { image: recipe(128, '-t ext4 -b 1024 -J location=100M,size=4') },
  'ext4, grown': {
    image: recipe(64, '-t ext4 -b 1024', { then: ['truncate -s 300M IMAGE; resize2fs IMAGE'] }),
  },
  'ext4, grown past its reserved table': {
    image: recipe(16, '-t ext4 -b 1024 -E resize=20000', {
      then: ['truncate -s 600M IMAGE; resize2fs IMAGE'],
    }),
  },
  'ext4, shrunk in place': {
    image: recipe(300, '-t ext4 -b 1024', { then: ['e2fsck -fy IMAGE; resize2fs IMAGE 77M'] }),
  },
  'ext3, grown': {
    image: recipe(32, '-t ext3 -b 1024', { then: ['truncate -s 100M IMAGE; resize2fs IMAGE'] }),
  },
  'ext4, widened to 64bit': {
    image: recipe(64, '-t ext4 -b 1024 -O ^64bit', {
      then: ['e2fsck -fy IMAGE; resize2fs -b IMAGE'],
    }),
  },
  'ext4, last group of a few blocks': {
    image: { sizeBytes: (8 * 8192 + 1 + 60) * 1024, options: ['-t', 'ext4', '-b', '1024'] },
  },
  'a partial block at the end': {
    image: { sizeBytes: 64 * 2 ** 20 + 1535, options: ['-t', 'ext4', '-b', '4096'] },
  },
  'space behind the file system': {
    image: recipe(64, '-t ext4', { trailingBytes: 5 * 2 ** 20 + 123 }),
  },
};

/** Most of the time goes by in partclone's and the kernel's waits. */
const atMost = limited(8);

for (const [name, layout] of Object.entries(layouts)) {
  test(name, (t) => atMost(() => compareWithTools(t, layout)));
}

async function compareWithTools(t: ExecutionContext, layout: Layout): Promise<void> {
  const file = path.join(await scratchDirectory(t), 'image');
  await makeImage(file, layout.image);
  const map = await parseImage(file);

  t.deepEqual(map.notes, []);
  const { stdout } = await execa('dumpe2fs', ['-h', file]);
  const features = /^Filesystem features: +(.*)$/m.exec(stdout)?.[1]?.split(' ');
  t.deepEqual(map.filesystem.features, features?.[0] === '(none)' ? [] : features);
  t.is(map.filesystem.state, 'clean');
  const free = freeExtents(map.ranges);
  sameExtents(t, free, await freeByDumpe2fs(file), 'dumpe2fs');
  if (layout.noKernel === undefined) {
    sameExtents(t, free, await freeByKernel(t, file), 'the kernel');
  }
  if (layout.noPartclone === undefined) {
    // partclone leaves out what lies behind the file system's last block.
    const { sizeBytes } = map.filesystem;
    const used = clip(usedExtents(map.ranges), 0, sizeBytes);
    sameExtents(t, used, await usedByPartclone(t, file), 'partclone');
    t.is(map.ranges.totals().outside, map.deviceBytes - sizeBytes);
  }
}
