/** Crashed file systems of many kinds: our replay against e2fsck's and the kernel's, block for block. */

import test from 'ava';
import { churn, copyOf, makeCrashImage } from '../../../support/crash-image.js';
import {
  differencesInReplay,
  differingBlocks,
  e2fsckReplay,
  kernelReplay,
  ourReplay,
} from '../../../support/ext-journal.js';
import { seededRandom } from '../../../support/random.js';

interface Variant {
  readonly title: string;
  readonly mkfs: readonly string[];
  readonly mount?: readonly string[];
  readonly sizeBytes?: number;
  /** Enough work to wrap the log, with these many steps. */
  readonly steps?: number;
}

const mebibyte = 1024 * 1024;

const variants: readonly Variant[] = [
  { title: 'default', mkfs: ['mkfs.ext4', '-b', '4096'] },
  { title: 'blocks of 1 KiB', mkfs: ['mkfs.ext4', '-b', '1024'] },
  {
    title: 'blocks of 2 KiB, no checksums',
    mkfs: ['mkfs.ext4', '-b', '2048', '-O', '^metadata_csum'],
  },
  { title: 'no 64bit', mkfs: ['mkfs.ext4', '-O', '^64bit'] },
  { title: 'no 64bit, no checksums', mkfs: ['mkfs.ext4', '-O', '^64bit,^metadata_csum'] },
  { title: 'data=journal', mkfs: ['mkfs.ext4', '-b', '1024'], mount: ['data=journal'] },
  {
    title: 'data=journal, no checksums',
    mkfs: ['mkfs.ext4', '-O', '^metadata_csum'],
    mount: ['data=journal'],
  },
  {
    title: 'journal_async_commit',
    mkfs: ['mkfs.ext4'],
    mount: ['journal_async_commit', 'data=writeback'],
  },
  {
    title: 'journal_checksum without metadata_csum',
    mkfs: ['mkfs.ext4', '-O', '^metadata_csum'],
    mount: ['journal_checksum'],
  },
  { title: 'ext3', mkfs: ['mkfs.ext3', '-b', '1024'] },
  { title: 'ext3, blocks of 4 KiB', mkfs: ['mkfs.ext3', '-b', '4096'], mount: ['data=journal'] },
  { title: 'bigalloc', mkfs: ['mkfs.ext4', '-O', 'bigalloc', '-C', '16384'] },
  {
    title: 'log that wraps',
    mkfs: ['mkfs.ext4', '-b', '1024', '-J', 'size=1'],
    mount: ['data=journal'],
    steps: 400,
  },
  {
    title: 'log that wraps, no checksums',
    mkfs: ['mkfs.ext4', '-b', '1024', '-J', 'size=1', '-O', '^metadata_csum,^64bit'],
    steps: 400,
  },
];

for (const { title, mkfs, mount, sizeBytes, steps } of variants) {
  test(`crash: ${title}`, async (t) => {
    const random = seededRandom(t, 20_261);
    const { path: image } = await makeCrashImage(t, {
      mkfs: [...mkfs, '-q', '-F'],
      sizeBytes: sizeBytes ?? 48 * mebibyte,
      mountOptions: mount ?? [],
      load: (directory) => {
        churn(directory, random, steps ?? 120);
        return Promise.resolve(undefined);
      },
    });
    const ours = await ourReplay(image);
    t.log(ours.outcome.detail);
    t.is(ours.outcome.state, 'replayed');
    const { blockBytes } = ours.geometry;
    // A test in which the log replaces nothing would prove nothing.
    t.true(differingBlocks(ours.before, ours.after, blockBytes).length > 5);

    const byE2fsck = await e2fsckReplay(await copyOf(image, 'e2fsck'));
    t.deepEqual(differencesInReplay(ours, byE2fsck, 'e2fsck'), []);
    const byKernel = await kernelReplay(t, await copyOf(image, 'kernel'));
    if (byKernel === null) t.fail('the kernel refuses what we replay');
    else t.deepEqual(differencesInReplay(ours, byKernel, 'kernel'), []);
  });
}
