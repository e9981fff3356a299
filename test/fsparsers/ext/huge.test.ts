/** File systems of more than 2^32 blocks, sparse, against dumpe2fs. */

import path from 'node:path';
import test from 'ava';
import { execa } from 'execa';
import { mounted, sparseFile } from '../../support/scratch.js';
import { freeExtents } from '../../support/free-extents.js';
import { freeByDumpe2fs } from './oracles.js';
import { parseImage, sameExtents } from './parsing.js';

const tebibyte = 2 ** 40;

const volumes: Readonly<Record<string, { sizeBytes: number; options: string }>> = {
  '17 TiB in blocks of 4 KiB, the journal behind block 2^32': {
    sizeBytes: 17 * tebibyte,
    options:
      '-O sparse_super2 -E num_backup_sb=1,lazy_itable_init=1,lazy_journal_init=1 ' +
      `-J location=${16 * 2 ** 30 + 2 ** 22}K,size=8`,
  },
  '5 TiB in blocks of 1 KiB, clusters of 16 KiB': {
    sizeBytes: 5 * tebibyte,
    options: '-b 1024 -O bigalloc -C 16384 -N 100000 -E lazy_itable_init=1,lazy_journal_init=1',
  },
};

for (const [name, { sizeBytes, options }] of Object.entries(volumes)) {
  test.serial(name, async (t) => {
    // Larger than the largest file of most file systems; tmpfs keeps only what is written.
    const { directory } = await mounted(t, 'tmpfs', ['-t', 'tmpfs', '-o', 'size=2G']);
    const file = await sparseFile(path.join(directory, 'image'), sizeBytes);
    await execa('mkfs.ext4', ['-q', '-F', ...options.split(' '), file]);
    const map = await parseImage(file);
    t.true(sizeBytes / map.filesystem.blockBytes > 2 ** 32);
    t.deepEqual(map.notes, []);
    sameExtents(t, freeExtents(map.ranges), await freeByDumpe2fs(file), 'dumpe2fs');
  });
}

test('a volume that claims more groups than can be is an error at once', async (t) => {
  const { directory } = await mounted(t, 'tmpfs', ['-t', 'tmpfs', '-o', 'size=64M']);
  const file = await sparseFile(path.join(directory, 'image'), 2 ** 20 * 64);
  const groups = 2 ** 26;
  await execa('mkfs.ext4', ['-q', '-F', '-b', '1024', '-O', '^metadata_csum,^has_journal', file]);
  const settings = {
    blocks_count: groups * 8 + 1,
    blocks_per_group: 8,
    inodes_per_group: 8,
    inodes_count: groups * 8,
  };
  const script = Object.entries(settings).map(([field, value]) => `ssv ${field} ${value}`);
  await execa('debugfs', ['-w', '-f', '-', file], { input: script.join('\n') });
  await execa('truncate', ['-s', String(2 ** 42), file]);
  await t.throwsAsync(parseImage(file), { code: 'UNSUPPORTED', message: /67108864 groups/ });
});
