/** Maps of crashed file systems: the union of what is used on disk and after the kernel's replay. */

import { readFile, writeFile } from 'node:fs/promises';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { execa } from 'execa';
import { BufferReader } from '../../../fsparsers/reader.js';
import { extentOf, intersect, subtract } from '../../../src/region/index.js';
import type { ExtentList } from '../../../src/region/index.js';
import { churn, copyOf, makeCrashImage } from '../../support/crash-image.js';
import type { CrashImage } from '../../support/crash-image.js';
import { e2fsckReplay, kernelReplay } from '../../support/ext-journal.js';
import { limited } from '../../support/limit.js';
import { seededRandom } from '../../support/random.js';
import { freeExtents } from '../../support/free-extents.js';
import { freeByDumpe2fs } from './oracles.js';
import { parseImage, sameExtents } from './parsing.js';

const mebibyte = 2 ** 20;
const atMost = limited(3);

const variants: Readonly<Record<string, { mkfs: string; mount?: string; jbdMebibytes?: number }>> =
  {
    ext3: { mkfs: 'mkfs.ext3 -b 1024' },
    'ext4, 1 KiB': { mkfs: 'mkfs.ext4 -b 1024' },
    'ext4, 4 KiB': { mkfs: 'mkfs.ext4 -b 4096' },
    'ext4, data=journal': { mkfs: 'mkfs.ext4 -b 1024', mount: 'data=journal' },
    'ext4, uninit_bg': { mkfs: 'mkfs.ext4 -b 1024 -O ^metadata_csum,uninit_bg' },
    'ext4 without checksums': { mkfs: 'mkfs.ext4 -b 1024 -O ^metadata_csum,^64bit' },
    'ext4, bigalloc': { mkfs: 'mkfs.ext4 -b 1024 -O bigalloc -C 8192' },
    'ext4, meta_bg': { mkfs: 'mkfs.ext4 -b 1024 -O meta_bg,^resize_inode' },
    'ext4, external journal': {
      mkfs: 'mkfs.ext4 -b 1024 -J device={journal}',
      jbdMebibytes: 8,
    },
  };

for (const [name, variant] of Object.entries(variants)) {
  test(name, (t) =>
    atMost(async () => {
      for (let attempt = 0; attempt < 8; attempt++) {
        if (await mapIsUnion(t, await crashed(t, variant, 4711 + attempt), name)) return;
      }
      t.fail('no crash left changes in the journal alone');
    }),
  );
}

/**
 * Compares the map of a crash image with both states. False where that proves less than it should:
 * whether the kernel had written all back by itself, or half of a bitmap and its checksum, so that
 * dumpe2fs refuses it, is a matter of time.
 */
async function mapIsUnion(t: ExecutionContext, crash: CrashImage, name: string): Promise<boolean> {
  const map = await parseCrashed(crash);
  t.is(map.filesystem.journal.state, 'replayed');
  t.is(map.filesystem.state, 'dirty');
  t.deepEqual(map.notes, []);
  const free = freeExtents(map.ranges);
  const after = await freeAfterReplay(crash);
  sameExtents(t, subtract(free, after), extentOf(0, 0), name);

  const before = await freeByDumpe2fs(crash.path).catch(() => null);
  if (before === null) return false;
  sameExtents(t, free, intersect(before, after), name);
  return subtract(before, after).length > 0;
}

test('fast commits: nothing the kernel finds in use after its replay is free', (t) =>
  atMost(async () => {
    const crash = await crashed(t, {
      mkfs: 'mkfs.ext4 -b 1024 -O fast_commit -J fast_commit_size=512',
    });
    const map = await parseCrashed(crash);
    t.is(map.filesystem.journal.state, 'replayed');
    t.deepEqual(map.notes, []);
    const copy = await copyOf(crash.path, 'kernel');
    t.truthy(await kernelReplay(t, copy));
    const free = freeExtents(map.ranges);
    const before = await freeByDumpe2fs(crash.path).catch(() => free);
    sameExtents(t, subtract(free, before), extentOf(0, 0), 'before');
    sameExtents(t, subtract(free, await freeByDumpe2fs(copy)), extentOf(0, 0), 'after');
  }));

test('an external journal that nobody names: everything is used, and the map says why', (t) =>
  atMost(async () => {
    const { path: image } = await crashed(t, {
      mkfs: 'mkfs.ext4 -b 1024 -J device={journal}',
      jbdMebibytes: 8,
    });
    const map = await parseImage(image);
    t.is(map.filesystem.journal.state, 'external');
    t.is(map.ranges.totals().free, 0);
    t.like(map.notes, [{ severity: 'warning', code: 'JOURNAL_EXTERNAL' }]);
  }));

test('a journal that cannot be followed: everything is used, and the map says why', (t) =>
  atMost(async () => {
    const { path: image } = await crashed(t, { mkfs: 'mkfs.ext4 -b 1024' });
    const { stdout } = await execa('debugfs', ['-R', 'blocks <8>', image]);
    const firstBlock = Number(stdout.split(' ')[0]);
    const bytes = await readFile(image);
    bytes.fill(0, firstBlock * 1024, (firstBlock + 1) * 1024);
    await writeFile(image, bytes);
    const map = await parseImage(image);
    t.is(map.filesystem.journal.state, 'unfollowable');
    t.is(map.ranges.totals().free, 0);
    t.like(map.notes, [{ severity: 'warning', code: 'JOURNAL_UNFOLLOWABLE' }]);
  }));

test('needs_recovery taken away by hand: both states count', (t) =>
  atMost(async () => {
    const crash = await crashed(t, { mkfs: 'mkfs.ext4 -b 1024' });
    const after = await freeAfterReplay(crash);
    await execa('debugfs', ['-w', '-R', 'feature -needs_recovery', crash.path]);
    const map = await parseImage(crash.path);
    t.true(map.notes.some(({ code }) => code === 'JOURNAL_NOT_EMPTY'));
    const free = freeExtents(map.ranges);
    const before = await freeByDumpe2fs(crash.path).catch(() => after);
    sameExtents(t, subtract(free, intersect(before, after)), extentOf(0, 0), 'free');
  }));

async function crashed(
  t: ExecutionContext,
  { mkfs, mount, jbdMebibytes }: { mkfs: string; mount?: string; jbdMebibytes?: number },
  seed = 4711,
): Promise<CrashImage> {
  const random = seededRandom(t, seed);
  return makeCrashImage(t, {
    mkfs: [...mkfs.split(' '), '-q', '-F'],
    sizeBytes: 48 * mebibyte,
    ...(mount === undefined ? {} : { mountOptions: [mount] }),
    ...(jbdMebibytes === undefined ? {} : { externalJournalBytes: jbdMebibytes * mebibyte }),
    load: (directory) => {
      churn(directory, random, 120);
      return Promise.resolve(undefined);
    },
  });
}

async function parseCrashed({ path: image, journalPath }: CrashImage) {
  if (journalPath === null) return parseImage(image);
  const externalJournal = new BufferReader(await readFile(journalPath));
  return parseImage(image, { externalJournal });
}

/** What is free after e2fsck has replayed the journal of a copy, and done nothing else. */
async function freeAfterReplay({ path: image, journalPath }: CrashImage): Promise<ExtentList> {
  const copy = await copyOf(image, 'replayed');
  await e2fsckReplay(copy, journalPath ?? undefined);
  return freeByDumpe2fs(copy);
}
