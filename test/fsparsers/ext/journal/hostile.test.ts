/** Thousands of broken journals, checksums mended: each ends soon, in an outcome that makes sense. */

import { readFile, writeFile } from 'node:fs/promises';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { execa } from 'execa';
import { inodeOffsetBytes } from '../../../../fsparsers/ext/descriptors.js';
import { geometryOf } from '../../../../fsparsers/ext/geometry.js';
import { replayJournal } from '../../../../fsparsers/ext/journal/index.js';
import type { JournalOutcome } from '../../../../fsparsers/ext/journal/index.js';
import { readSuperblock } from '../../../../fsparsers/ext/superblock.js';
import { BufferReader } from '../../../../fsparsers/reader.js';
import type { ByteReader } from '../../../../fsparsers/reader.js';
import { churn, makeCrashImage } from '../../../support/crash-image.js';
import { differencesInReplay, ourReplay } from '../../../support/ext-journal.js';
import { mutate, targetsIn } from '../../../support/journal-mutants.js';
import type { Targets } from '../../../support/journal-mutants.js';
import { randomFrom, seededRandom } from '../../../support/random.js';

const kinds = [
  { title: 'ext4', mkfs: ['mkfs.ext4', '-b', '1024', '-J', 'size=1'] },
  { title: 'ext3', mkfs: ['mkfs.ext3', '-b', '1024', '-J', 'size=1'] },
  { title: 'fast commits', mkfs: ['mkfs.ext4', '-b', '1024', '-J', 'size=2', '-O', 'fast_commit'] },
  {
    title: 'asynchronous commits',
    mkfs: ['mkfs.ext4', '-b', '1024', '-J', 'size=1'],
    mount: ['journal_async_commit', 'data=writeback'],
  },
  {
    title: 'no 64bit, no checksums',
    mkfs: ['mkfs.ext4', '-b', '1024', '-J', 'size=1', '-O', '^64bit,^metadata_csum'],
  },
] as const;

const mutantsOfEach = 600;
const comparedOfEach = 25;

interface Original {
  readonly bytes: Buffer;
  readonly path: string;
  readonly targets: Targets;
}

async function original(t: ExecutionContext, kind: (typeof kinds)[number]): Promise<Original> {
  const { path } = await makeCrashImage(t, {
    mkfs: [...kind.mkfs, '-q', '-F'],
    sizeBytes: 8 * 1024 * 1024,
    mountOptions: 'mount' in kind ? kind.mount : [],
    load: (directory) => churn(directory, randomFrom(51), 50),
  });
  const bytes = await readFile(path);
  const { outcome, geometry } = await ourReplay(path);
  const inode = await inodeOffsetBytes(new BufferReader(bytes), geometry, 8);
  const fields = [
    // s_journal_uuid, s_journal_inum, s_journal_dev; i_mode, i_size, i_links_count, i_flags, i_block.
    ...[0xd0, 0xe0, 0xe4].map((at) => 1024 + at),
    ...[0x00, 0x04, 0x18, 0x20, 0x28, 0x2c, 0x30, 0x34, 0x38, 0x3c, 0x40, 0x58, 0x5c].map(
      (at) => inode + at,
    ),
  ];
  return { bytes, path, targets: targetsIn(bytes, 1024, outcome.journalRanges, fields) };
}

/** Counts what is read, so that a test can bound the work without a clock. */
class CountingReader implements ByteReader {
  readonly #inner: BufferReader;
  readonly sizeBytes: number;
  readBytes = 0;

  constructor(bytes: Uint8Array) {
    this.#inner = new BufferReader(bytes);
    this.sizeBytes = bytes.length;
  }

  read(offsetBytes: number, lengthBytes: number): Promise<Uint8Array> {
    const inside = offsetBytes >= 0 && offsetBytes + lengthBytes <= this.sizeBytes;
    if (!inside) throw new RangeError(`read of ${lengthBytes} bytes at ${offsetBytes}`);
    this.readBytes += lengthBytes;
    return this.#inner.read(offsetBytes, lengthBytes);
  }
}

async function outcomeOf(reader: ByteReader): Promise<JournalOutcome> {
  const geometry = geometryOf(await readSuperblock(reader), reader.sizeBytes);
  return replayJournal(reader, geometry);
}

/** What is wrong with an outcome, or null. */
function nonsense(
  { state, detail, overlay, ...lists }: JournalOutcome,
  size: number,
): string | null {
  if ((overlay !== null) !== (state === 'replayed')) return `overlay with state ${state}`;
  if (state === 'unfollowable' && !/ at byte \d+: ./.test(detail)) return `no place in "${detail}"`;
  if (state !== 'replayed' && lists.claimed.length > 0) return `claims with state ${state}`;
  const outside = [...lists.claimed, ...lists.journalRanges].find(
    ({ start, length }) => !(start >= 0 && length > 0 && start + length <= size),
  );
  return outside === undefined ? null : `range of ${outside.length} bytes at ${outside.start}`;
}

for (const kind of kinds) {
  test(`broken journals: ${kind.title}`, async (t) => {
    const random = seededRandom(t, 52);
    const { bytes, targets } = await original(t, kind);
    t.true(targets.superblock > 0 && targets.headers.length > 3);
    const counts: Record<string, number> = {};
    for (let nth = 0; nth < mutantsOfEach; nth++) {
      const mutant = Buffer.from(bytes);
      mutate(mutant, targets, random);
      const reader = new CountingReader(mutant);
      const outcome = await outcomeOf(reader).catch((error: unknown) => error as Error);
      if (outcome instanceof Error) {
        // The file system's own superblock no longer adds up: not the journal's to answer.
        t.regex(String(outcome), /ParseError: superblock/, `mutant ${nth}`);
        continue;
      }
      counts[outcome.state] = (counts[outcome.state] ?? 0) + 1;
      t.is(nonsense(outcome, mutant.length), null, `mutant ${nth}`);
      t.true(reader.readBytes < 40 * mutant.length, `mutant ${nth} read ${reader.readBytes} bytes`);
      if (nth % 20 === 0) await outcome.overlay?.read(0, mutant.length);
    }
    t.log(JSON.stringify(counts));
    // Both ends of the road must have been seen, else the mutations miss what they aim at.
    t.true((counts.replayed ?? 0) > 50 && (counts.unfollowable ?? 0) > 50);
  });
}

// Of fast commits debugfs replays more than the log, which is another result by design.
for (const kind of kinds.filter(({ title }) => title !== 'fast commits')) {
  test(`broken journals that are followed nevertheless: ${kind.title}`, async (t) => {
    const random = seededRandom(t, 53);
    const { bytes, path, targets } = await original(t, kind);
    let compared = 0;
    while (compared < comparedOfEach) {
      const mutant = Buffer.from(bytes);
      mutate(mutant, targets, random);
      await writeFile(path, mutant);
      const ours = await ourReplay(path).catch(() => null);
      if (ours?.outcome.state !== 'replayed') continue;
      // debugfs, unlike e2fsck, does not know the copy of the journal's inode.
      if (ours.outcome.detail.includes('found by its copy')) continue;
      const { stderr } = await execa('debugfs', ['-w', '-R', 'journal_run', path], {
        reject: false,
      });
      const complaint = stderr.split('\n').slice(1).join(' ');
      const differences = differencesInReplay(ours, await readFile(path), 'debugfs');
      t.deepEqual(differences, [], `mutant: ${ours.outcome.detail}: ${complaint}`);
      compared++;
    }
  });
}

/** The journal's blocks from 1 on, overwritten one by one. */
async function overwritten(
  t: ExecutionContext,
  write: (block: Buffer, nth: number) => void,
): Promise<JournalOutcome> {
  const kind = kinds[4];
  const { path, bytes } = await original(t, kind);
  const { outcome } = await ourReplay(path);
  let nth = 0;
  for (const { start, length } of outcome.journalRanges) {
    for (let at = start; at < start + length; at += 1024) {
      const block = bytes.subarray(at, at + 1024);
      if (nth === 0) {
        // The superblock: the log begins with transaction 7 in block 1.
        block.writeUInt32BE(7, 0x18);
        block.writeUInt32BE(1, 0x1c);
      } else write(block.fill(0), nth);
      nth++;
    }
  }
  return outcomeOf(new BufferReader(bytes));
}

function header(block: Buffer, type: number, sequence: number): void {
  block.writeUInt32BE(0xc03b3998, 0);
  block.writeUInt32BE(type, 4);
  block.writeUInt32BE(sequence, 8);
}

test('a log of nothing but revoke blocks, in which the kernel would go round for ever', async (t) => {
  const outcome = await overwritten(t, (block) => {
    header(block, 5, 7);
    block.writeUInt32BE(16, 12);
  });
  t.is(outcome.state, 'unfollowable');
  t.regex(outcome.detail, /goes round without an end/);
});

test('a log that runs into itself', async (t) => {
  const outcome = await overwritten(t, (block, nth) => {
    // Each descriptor's 126 tags, of one UUID, lead to the next; the ninth's lead round to block 121.
    if (nth % 127 === 1) {
      header(block, 1, 7);
      for (let at = 12; at + 8 <= 1024; at += 8) block.writeUInt16BE(2, at + 6);
    }
    if (nth === 121) header(block, 2, 7);
  });
  t.is(outcome.state, 'unfollowable');
  t.regex(outcome.detail, /log overlaps itself/);
});

test('a log whose blocks belong to the journal', async (t) => {
  const outcome = await overwritten(t, (block, nth) => {
    if (nth === 1) {
      header(block, 1, 7);
      block.writeUInt32BE(600, 12);
      block.writeUInt16BE(2 + 8, 12 + 6);
    }
    if (nth === 3) header(block, 2, 7);
  });
  t.is(outcome.state, 'unfollowable');
  t.regex(outcome.detail, /block 600, which is part of the journal itself/);
});

test('a log whose blocks lie behind the device', async (t) => {
  const outcome = await overwritten(t, (block, nth) => {
    if (nth === 1) {
      header(block, 1, 7);
      block.writeUInt32BE(8 * 1024, 12);
      block.writeUInt16BE(2 + 8, 12 + 6);
    }
    if (nth === 3) header(block, 2, 7);
  });
  t.is(outcome.state, 'unfollowable');
  t.regex(outcome.detail, /block 8192, behind the device's 8192/);
});
