/** What the tests of the journal share: our replay of an image, and the replay of e2fsck and the kernel. */

import { readFile } from 'node:fs/promises';
import type { ExecutionContext } from 'ava';
import { execa, ExecaError } from 'execa';
import { descriptorBlockLocation } from '../../fsparsers/ext/descriptors.js';
import { geometryOf } from '../../fsparsers/ext/geometry.js';
import type { ExtGeometry } from '../../fsparsers/ext/geometry.js';
import { replayJournal } from '../../fsparsers/ext/journal/index.js';
import type { JournalOutcome } from '../../fsparsers/ext/journal/index.js';
import { readSuperblock } from '../../fsparsers/ext/superblock.js';
import { BufferReader } from '../../fsparsers/reader.js';
import { attachLoop, mounted } from './scratch.js';

export interface OurReplay {
  readonly geometry: ExtGeometry;
  readonly outcome: JournalOutcome;
  /** The whole volume before and after replay; the same where there is nothing to show. */
  readonly before: Buffer;
  readonly after: Buffer;
}

/** Replays the journal of an image of moderate size, in memory. */
export async function ourReplay(image: string, externalJournal?: string): Promise<OurReplay> {
  const before = await readFile(image);
  const reader = new BufferReader(before);
  const geometry = geometryOf(await readSuperblock(reader), reader.sizeBytes);
  const options =
    externalJournal === undefined
      ? {}
      : { externalJournal: new BufferReader(await readFile(externalJournal)) };
  const outcome = await replayJournal(reader, geometry, options);
  const after = Buffer.from(await (outcome.overlay ?? reader).read(0, reader.sizeBytes));
  return { geometry, outcome, before, after };
}

/** Lets e2fsck replay the journal of the image, and do nothing else. */
export async function e2fsckReplay(image: string, externalJournal?: string): Promise<Buffer> {
  const external = externalJournal === undefined ? [] : ['-j', externalJournal];
  await execa('e2fsck', ['-fy', '-E', 'journal_only', ...external, image], { reject: false });
  return readFile(image);
}

/** Lets debugfs replay the journal of the image: no more than that, not even where there are orphans. */
export async function debugfsReplay(image: string): Promise<Buffer> {
  await execa('debugfs', ['-w', '-R', 'journal_run', image]);
  return readFile(image);
}

/**
 * Mounts the image read-only, by which the kernel replays its journal; null where it refuses.
 * `options` are further ones for `mount -o`.
 */
export async function kernelReplay(
  t: ExecutionContext,
  image: string,
  options: readonly string[] = [],
): Promise<Buffer | null> {
  // Not by mount's own `loop` option: with `ro` that makes a device the kernel cannot recover.
  const device = await attachLoop(t, image);
  try {
    const mount = await mounted(t, device, ['-t', 'ext4', '-o', ['ro', ...options].join(',')]);
    await mount.unmount();
  } catch (error) {
    if (error instanceof ExecaError && error.command.startsWith('mount ')) return null;
    throw error;
  }
  return readFile(image);
}

/** The numbers of the blocks in which two volumes differ. */
export function differingBlocks(left: Buffer, right: Buffer, blockBytes: number): number[] {
  const blocks = [];
  for (let at = 0; at < left.length; at += blockBytes) {
    const end = Math.min(at + blockBytes, left.length);
    if (left.compare(right, at, end, at, end) !== 0) blocks.push(at / blockBytes);
  }
  return blocks;
}

type FieldPlace = readonly [offsetBytes: number, lengthBytes: number];

/** Fields of the superblock that whoever replays also sets, whatever the log says. */
const superblockMarks: readonly FieldPlace[] = [
  [0x0c, 8], // the free counts, which are summed up again from the group descriptors
  [0x2c, 8], // s_mtime, s_wtime
  [0x34, 2], // s_mnt_count
  [0x3a, 2], // s_state
  [0x40, 4], // s_lastcheck
  [0x60, 4], // s_feature_incompat: needs_recovery goes
  [0xe4, 4], // s_journal_dev: where an external journal was found
  [0x158, 4], // high word of the free blocks count
  [0x178, 8], // s_kbytes_written
  [0x274, 8], // the high bytes of the times
  [0x3fc, 4], // s_checksum
];

/** Fields of each group descriptor that e2fsck computes anew as it closes the file system. */
const descriptorMarks: readonly FieldPlace[] = [
  [0x1c, 2], // bg_itable_unused
  [0x1e, 2], // bg_checksum
  [0x32, 2], // high half of bg_itable_unused
];

export type Replayer = 'debugfs' | 'e2fsck' | 'kernel';

/**
 * The blocks in which our replay differs from another's, but for what replaying sets by itself: the
 * fields above, and the journal's own superblock, which then says "empty".
 */
export function differencesInReplay(ours: OurReplay, theirs: Buffer, replayer: Replayer): number[] {
  const { geometry } = ours;
  const { blockBytes } = geometry;
  const marks = [
    ...superblockMarks.map(([at, length]) => [1024 + at, length] as const),
    ...(replayer === 'e2fsck' ? descriptorPlaces(geometry) : []),
  ];
  const [left, right] = [ours.after, theirs].map((volume) => {
    const copy = Buffer.from(volume);
    for (const [at, length] of marks) copy.fill(0, at, at + length);
    return copy;
  }) as [Buffer, Buffer];
  return differingBlocks(left, right, blockBytes).filter((block) => {
    const at = block * blockBytes;
    return !(isJournalSuperblock(left, at) && isJournalSuperblock(right, at));
  });
}

function descriptorPlaces(geometry: ExtGeometry): FieldPlace[] {
  const { groupsCount, descriptorsPerBlock, descriptorBytes, blockBytes } = geometry;
  return Array.from({ length: groupsCount }, (_, group) => {
    const block = descriptorBlockLocation(geometry, Math.floor(group / descriptorsPerBlock));
    const start = block * blockBytes + (group % descriptorsPerBlock) * descriptorBytes;
    return descriptorMarks
      .filter(([at]) => at < descriptorBytes)
      .map(([at, length]) => [start + at, length] as const);
  }).flat();
}

function isJournalSuperblock(volume: Buffer, at: number): boolean {
  return volume.readUInt32BE(at) === 0xc03b3998 && [3, 4].includes(volume.readUInt32BE(at + 4));
}

/** The kernel goes on from replay to deleting orphans: s_last_orphan, or the orphan_present feature. */
export function hasOrphans(volume: Buffer): boolean {
  const orphanPresent = 0x10000;
  return (
    volume.readUInt32LE(1024 + 0xe8) !== 0 ||
    (volume.readUInt32LE(1024 + 0x64) & orphanPresent) !== 0
  );
}

/** Whether the log goes on from the journal's end at its beginning, as debugfs reads it. */
export async function logWraps(image: string): Promise<boolean> {
  const { stdout } = await execa('debugfs', ['-R', 'logdump', image]);
  const blocks = [...stdout.matchAll(/^Found expected .* at block (\d+)/gm)].map(([, block]) =>
    Number(block),
  );
  return blocks.some((block, nth) => block < (blocks[nth - 1] ?? 0));
}
