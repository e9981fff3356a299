/** Crashed file systems of many kinds: our replay against e2fsck's and the kernel's, block for block. */

import { readFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { execa } from 'execa';
import { churn, copyOf, makeCrashImage } from '../../../support/crash-image.js';
import {
  debugfsReplay,
  differencesInReplay,
  differingBlocks,
  e2fsckReplay,
  hasOrphans,
  kernelReplay,
  logWraps,
  ourReplay,
} from '../../../support/ext-journal.js';
import { seededRandom } from '../../../support/random.js';
import { during } from '../../../support/until.js';

interface Variant {
  readonly title: string;
  readonly mkfs: readonly string[];
  readonly mount?: readonly string[];
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
];

for (const { title, mkfs, mount } of variants) {
  test(`crash: ${title}`, async (t) => {
    const random = seededRandom(t, 20_261);
    const { path: image } = await makeCrashImage(t, {
      mkfs: [...mkfs, '-q', '-F'],
      sizeBytes: 48 * mebibyte,
      mountOptions: mount ?? [],
      load: (directory) => churn(directory, random, 120),
    });
    await compareReplays(t, image);
  });
}

/** Our replay of the image against e2fsck's and the kernel's. */
async function compareReplays(t: ExecutionContext, image: string): Promise<void> {
  const ours = await ourReplay(image);
  t.log(ours.outcome.detail);
  t.is(ours.outcome.state, 'replayed');
  // A test in which the log replaces nothing would prove nothing.
  t.true(differingBlocks(ours.before, ours.after, ours.geometry.blockBytes).length > 5);

  const byE2fsck = await e2fsckReplay(await copyOf(image, 'e2fsck'));
  t.deepEqual(differencesInReplay(ours, byE2fsck, 'e2fsck'), []);
  const byKernel = await kernelReplay(t, await copyOf(image, 'kernel'));
  if (byKernel === null) t.fail('the kernel refuses what we replay');
  else t.deepEqual(differencesInReplay(ours, byKernel, 'kernel'), []);
}

for (const features of ['metadata_csum', '^metadata_csum,^64bit']) {
  test(`crash: log that wraps, ${features}`, async (t) => {
    const random = seededRandom(t, 20_262);
    // Where the log stands at the crash is the kernel's affair: a few attempts find it wrapped.
    for (let attempt = 0; attempt < 8; attempt++) {
      const { path: image } = await makeCrashImage(t, {
        mkfs: ['mkfs.ext4', '-q', '-F', '-b', '1024', '-J', 'size=1', '-O', features],
        sizeBytes: 24 * mebibyte,
        mountOptions: ['data=journal'],
        load: (directory) => churn(directory, random, random.between(150, 250)),
      });
      if (!(await logWraps(image))) continue;
      await compareReplays(t, image);
      return;
    }
    t.fail('the log never wrapped');
  });
}

test('crash: in the middle of work', async (t) => {
  const { path: image } = await makeCrashImage(t, {
    mkfs: ['mkfs.ext4', '-q', '-F', '-b', '1024'],
    sizeBytes: 48 * mebibyte,
    background: (directory) => execa('bash', ['-ec', busyScript, 'busy', directory]),
    load: async (directory, background) => {
      const number = () => readFile(path.join(directory, 'file0'), 'utf8').catch(() => '');
      await during(background, async () => Number(await number()) >= 100);
    },
  });
  const ours = await ourReplay(image);
  t.log(ours.outcome.detail);
  t.is(ours.outcome.state, 'replayed');
  const byDebugfs = await debugfsReplay(await copyOf(image, 'debugfs'));
  t.deepEqual(differencesInReplay(ours, byDebugfs, 'debugfs'), []);
  const byKernel = await kernelReplay(t, await copyOf(image, 'kernel'));
  if (byKernel === null) t.fail('the kernel refuses what we replay');
  else if (!hasOrphans(ours.after)) {
    t.deepEqual(differencesInReplay(ours, byKernel, 'kernel'), []);
  }
});

/** Two writers that never stop, one of them fsyncing, one making and removing directories. */
const busyScript = `
cd "$1"
(while :; do mkdir d; for i in $(seq 40); do echo $i > d/a-rather-long-file-name-$i; done; rm -r d; done) &
for n in $(seq 100000); do echo $n > file$((n % 20)); sync file$((n % 20)); done
`;
