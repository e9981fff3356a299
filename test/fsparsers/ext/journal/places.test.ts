/** Where a journal can be found, and how the replayed volume is read. */

import { open } from 'node:fs/promises';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { execa } from 'execa';
import { geometryOf } from '../../../../fsparsers/ext/geometry.js';
import { replayJournal } from '../../../../fsparsers/ext/journal/index.js';
import { readSuperblock } from '../../../../fsparsers/ext/superblock.js';
import { BufferReader } from '../../../../fsparsers/reader.js';
import { churn, copyOf, makeCrashImage } from '../../../support/crash-image.js';
import type { CrashImage, CrashImageOptions } from '../../../support/crash-image.js';
import {
  differencesInReplay,
  differingBlocks,
  e2fsckReplay,
  kernelReplay,
  ourReplay,
} from '../../../support/ext-journal.js';
import { seededRandom } from '../../../support/random.js';
import type { Random } from '../../../support/random.js';
import { attachLoop } from '../../../support/scratch.js';

const mebibyte = 1024 * 1024;

function crash(
  t: ExecutionContext,
  random: Random,
  options: Partial<CrashImageOptions> & Pick<CrashImageOptions, 'mkfs'>,
): Promise<CrashImage> {
  return makeCrashImage(t, {
    sizeBytes: 32 * mebibyte,
    load: (directory) => churn(directory, random, 60),
    ...options,
  });
}

for (const blockBytes of ['1024', '4096']) {
  test(`journal on a device of its own, blocks of ${blockBytes}`, async (t) => {
    const image = await crash(t, seededRandom(t, 31), {
      mkfs: ['mkfs.ext4', '-q', '-F', '-b', blockBytes, '-J', 'device={journal}'],
      externalJournalBytes: 8 * mebibyte,
    });
    const journal = image.journalPath ?? '';
    const unnamed = await ourReplay(image.path);
    t.is(unnamed.outcome.state, 'external');
    t.regex(unnamed.outcome.detail, /UUID [0-9a-f]{8}-/);

    const ours = await ourReplay(image.path, journal);
    t.log(ours.outcome.detail);
    t.is(ours.outcome.state, 'replayed');
    t.deepEqual(ours.outcome.journalRanges, []);
    t.true(differingBlocks(ours.before, ours.after, ours.geometry.blockBytes).length > 5);

    const device = await attachLoop(t, await copyOf(journal, 'kernel'));
    const copy = await copyOf(image.path, 'kernel');
    const byKernel = await kernelReplay(t, copy, [`journal_path=${device}`]);
    if (byKernel === null) t.fail('the kernel refuses what we replay');
    else t.deepEqual(differencesInReplay(ours, byKernel, 'kernel'), []);
    const byE2fsck = await e2fsckReplay(await copyOf(image.path, 'e2fsck'), journal);
    t.deepEqual(differencesInReplay(ours, byE2fsck, 'e2fsck'), []);
  });
}

test('journal device of another file system', async (t) => {
  const random = seededRandom(t, 32);
  const mkfs = ['mkfs.ext4', '-q', '-F', '-b', '4096', '-J', 'device={journal}'];
  const options = { mkfs, externalJournalBytes: 8 * mebibyte };
  const image = await crash(t, random, options);
  const other = await crash(t, random, options);
  const swapped = await ourReplay(image.path, other.journalPath ?? '');
  t.is(swapped.outcome.state, 'unfollowable');
  t.regex(swapped.outcome.detail, /^external journal: superblock at byte 1024: .*UUID/);
  const noJournal = await ourReplay(image.path, image.path);
  t.is(noJournal.outcome.state, 'unfollowable');
});

test('journal inode wiped: found by its copy in the superblock, as by e2fsck', async (t) => {
  const mkfs = ['mkfs.ext3', '-q', '-F', '-b', '1024'];
  const image = await crash(t, seededRandom(t, 33), { mkfs });
  const whole = await ourReplay(image.path);
  const wiped = await copyOf(image.path, 'wiped');
  await execa('debugfs', ['-w', '-R', 'clri <8>', wiped]);
  const ours = await ourReplay(wiped);
  t.is(ours.outcome.state, 'replayed');
  t.regex(ours.outcome.detail, /found by its copy in the superblock/);
  t.deepEqual(ours.outcome.journalRanges, whole.outcome.journalRanges);
  // e2fsck also puts the inode back: that block of the inode table is not the journal's doing.
  const { stdout } = await execa('debugfs', ['-R', 'imap <8>', image.path]);
  const inodeBlock = Number(/at block (\d+)/.exec(stdout)?.[1]);
  const differences = differencesInReplay(ours, await e2fsckReplay(wiped), 'e2fsck');
  t.deepEqual(
    differences.filter((block) => block !== inodeBlock),
    [],
  );
});

for (const [title, command, jnlBackupType] of [
  ['and no copy of it', 'mkfs.ext3', 0],
  ['and a copy of extents, which e2fsck does not follow', 'mkfs.ext4', 1],
] as const) {
  test(`journal inode wiped, ${title}`, async (t) => {
    const image = await crash(t, seededRandom(t, 34), { mkfs: [command, '-q', '-F'] });
    await execa('debugfs', ['-w', '-R', 'clri <8>', image.path]);
    await execa('debugfs', ['-w', '-R', `ssv jnl_backup_type ${jnlBackupType}`, image.path]);
    const { outcome } = await ourReplay(image.path);
    t.is(outcome.state, 'unfollowable');
    t.regex(outcome.detail, /^(journal )?inode 8 at byte \d+: /);
    t.is(outcome.overlay, null);
    const { stdout } = await execa('e2fsck', ['-fy', image.path], { reject: false });
    t.regex(stdout, /journal has been deleted/);
  });
}

test('a log that the superblock does not want replayed is replayed, and said to be so', async (t) => {
  const image = await crash(t, seededRandom(t, 35), { mkfs: ['mkfs.ext4', '-q', '-F'] });
  const whole = await ourReplay(image.path);
  await execa('debugfs', ['-w', '-R', 'feature -needs_recovery', image.path]);
  const ours = await ourReplay(image.path);
  t.is(ours.outcome.state, 'replayed');
  t.regex(ours.outcome.detail, /does not ask for recovery/);
  t.deepEqual(differencesInReplay(ours, whole.after, 'kernel'), []);
});

test('a clean journal has nothing to show', async (t) => {
  const image = await crash(t, seededRandom(t, 36), { mkfs: ['mkfs.ext4', '-q', '-F'] });
  await e2fsckReplay(image.path);
  const { outcome } = await ourReplay(image.path);
  t.is(outcome.state, 'clean');
  t.is(outcome.overlay, null);
  t.true(outcome.journalRanges.length > 0);
});

test('the journal ranges are the blocks of its inode', async (t) => {
  for (const command of ['mkfs.ext3', 'mkfs.ext4']) {
    const image = await crash(t, seededRandom(t, 37), {
      mkfs: [command, '-q', '-F', '-b', '1024'],
    });
    const { outcome } = await ourReplay(image.path);
    const { stdout } = await execa('debugfs', ['-R', 'blocks <8>', image.path]);
    const expected = stdout.trim().split(/\s+/).map(Number);
    const ours = outcome.journalRanges.flatMap(({ start, length }) =>
      Array.from({ length: length / 1024 }, (_, nth) => start / 1024 + nth),
    );
    t.deepEqual(new Set(ours), new Set(expected));
    t.is(ours.length, expected.length);
  }
});

test('the replayed volume reads the same in pieces as in one', async (t) => {
  const random = seededRandom(t, 38);
  const image = await crash(t, random, { mkfs: ['mkfs.ext4', '-q', '-F', '-b', '2048'] });
  const { outcome, after } = await ourReplay(image.path);
  const { overlay } = outcome;
  if (overlay === null) {
    t.fail(outcome.detail);
    return;
  }
  const reads = Array.from({ length: 300 }, async () => {
    const start = random.between(0, after.length);
    const length = random.between(
      0,
      Math.min(random.pick([10, 3000, 200_000]), after.length - start),
    );
    const bytes = await overlay.read(start, length);
    return after.compare(bytes, 0, length, start, start + length) === 0;
  });
  t.true((await Promise.all(reads)).every(Boolean));
});

test('stops at a signal', async (t) => {
  const image = await crash(t, seededRandom(t, 39), { mkfs: ['mkfs.ext4', '-q', '-F'] });
  const { before } = await ourReplay(image.path);
  const reader = new BufferReader(before);
  const geometry = geometryOf(await readSuperblock(reader), reader.sizeBytes);
  const reason = new Error('enough');
  const signal = AbortSignal.abort(reason);
  await t.throwsAsync(replayJournal(reader, geometry, { signal }), { is: reason });
});

test('a commit block of which only the header was written', async (t) => {
  const image = await crash(t, seededRandom(t, 40), {
    mkfs: ['mkfs.ext4', '-q', '-F', '-b', '4096', '-O', 'metadata_csum'],
    sizeBytes: 64 * mebibyte,
  });
  const whole = await ourReplay(image.path);
  const { stdout } = await execa('debugfs', ['-R', 'logdump', image.path]);
  const commit = Number(/commit block\) at block (\d+)/.exec(stdout)?.[1]);
  const { stdout: block } = await execa('debugfs', ['-R', `bmap <8> ${commit}`, image.path]);
  const handle = await open(image.path, 'r+');
  await handle.write(Buffer.alloc(512, 0xa5), 0, 512, Number(block) * 4096 + 512);
  await handle.close();
  const ours = await ourReplay(image.path);
  t.is(ours.outcome.detail, whole.outcome.detail);
  const byKernel = await kernelReplay(t, image.path);
  if (byKernel === null) t.fail('the kernel refuses what we replay');
  else t.deepEqual(differencesInReplay(ours, byKernel, 'kernel'), []);
});
