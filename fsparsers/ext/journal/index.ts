/**
 * The journal of an ext3 or ext4 file system, replayed in memory: what the volume will hold once
 * the kernel has mounted it. Nothing is written, and the log's contents stay where they are.
 */

import { ParseError } from '../../errors.js';
import { canonical, eachExtent, endOf, type Extent } from '../../extents.js';
import type { ParserOptions } from '../../parser.js';
import type { ByteReader } from '../../reader.js';
import type { ExtGeometry } from '../geometry.js';
import { scanFastCommits } from './fastcommit.js';
import type { BlockRange, FastCommits } from './fastcommit.js';
import { externalJournalUuid, findExternalJournal, findInternalJournal } from './location.js';
import type { JournalLocation } from './location.js';
import { LogReader } from './log.js';
import { OverlayReader } from './overlay.js';
import { replayLog } from './replay.js';
import type { Replay } from './replay.js';
import { scanLog } from './scan.js';
import type { CommittedLog } from './scan.js';
import { readJournalSuperblock } from './superblock.js';
import type { JournalSuperblock } from './superblock.js';

export interface JournalOutcome {
  /**
   * `clean`: nothing to replay. `replayed`: `overlay` and `claimed` tell. `unfollowable`: the kernel
   * would refuse it too, or it is past the bounds here. `external`: on a device nobody named.
   */
  readonly state: 'clean' | 'replayed' | 'unfollowable' | 'external';
  /** For people: what was replayed, or why it could not be. */
  readonly detail: string;
  /** The volume after the kernel's replay, except fast commits; null if nothing changes. */
  readonly overlay: ByteReader | null;
  /** The bytes that replaying fast commits will give to files or refer to. Sorted, merged. */
  readonly claimed: readonly Extent[];
  /** Where the journal and its block map lie on this device; empty where it was not found. */
  readonly journalRanges: readonly Extent[];
}

const nothing = { overlay: null, claimed: [], journalRanges: [] } as const;

/**
 * Reads and replays the journal. Damage never throws: it makes the outcome `unfollowable`. Rejects only
 * with the reader's I/O errors and with the reason of `options.signal`.
 */
export async function replayJournal(
  reader: ByteReader,
  geometry: ExtGeometry,
  options: ParserOptions = {},
): Promise<JournalOutcome> {
  if (!geometry.has('has_journal')) {
    return geometry.has('needs_recovery')
      ? unfollowable('the file system needs recovery, but says it has no journal')
      : { ...nothing, state: 'clean', detail: 'no journal' };
  }
  let location: JournalLocation | undefined;
  let prefix = '';
  try {
    const uuid = externalJournalUuid(geometry);
    if (uuid === null) {
      location = await findInternalJournal(reader, geometry);
    } else if (options.externalJournal === undefined) {
      return { ...nothing, state: 'external', detail: `journal on another device, UUID ${uuid}` };
    } else {
      prefix = 'external journal: ';
      location = await findExternalJournal(options.externalJournal, geometry);
    }
    return await follow(reader, geometry, location, options.signal);
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    return unfollowable(prefix + error.message, location);
  }
}

function unfollowable(why: string, location?: JournalLocation): JournalOutcome {
  const journalRanges = location?.ranges ?? [];
  return { ...nothing, state: 'unfollowable', detail: withNote(why, location), journalRanges };
}

function withNote(detail: string, location?: JournalLocation): string {
  return location === undefined || location.note === '' ? detail : `${detail}; ${location.note}`;
}

async function follow(
  reader: ByteReader,
  geometry: ExtGeometry,
  location: JournalLocation,
  signal: AbortSignal | undefined,
): Promise<JournalOutcome> {
  const superblock = await loadSuperblock(location, signal);
  const journalRanges = location.ranges;
  const { blockBytes } = geometry;
  if (superblock.start === 0) {
    return {
      ...nothing,
      state: 'clean',
      detail: withNote('log is empty', location),
      journalRanges,
    };
  }
  const log = new LogReader(location.volume, superblock.totalBlocks, signal);
  const committed = await scanLog(log, superblock);
  const fast =
    superblock.fastCommit === null
      ? { commits: 0, claimed: [] }
      : await scanFastCommits(log, geometry, superblock.fastCommit, committed.endSequence);
  const replay = await replayLog({
    log,
    superblock,
    committed,
    deviceBlocks: Math.floor(reader.sizeBytes / blockBytes),
    isJournal: membership(journalRanges, blockBytes),
  });
  const parts = [describe(superblock, committed, replay, fast)];
  if (!geometry.has('needs_recovery')) {
    parts.push('the superblock does not ask for recovery, so the kernel would drop it');
  }
  return {
    state: 'replayed',
    detail: withNote(parts.join('; '), location),
    overlay: new OverlayReader(reader, replay.blocks, location.volume),
    claimed: claimedBytes(fast.claimed, geometry),
    journalRanges,
  };
}

async function loadSuperblock(
  { volume, blocks, superblockBlock, external }: JournalLocation,
  signal: AbortSignal | undefined,
): Promise<JournalSuperblock> {
  const log = new LogReader(volume, blocks, signal);
  const extent = {
    offsetBytes: log.offsetOf(superblockBlock),
    blockBytes: volume.blockBytes,
    blocks,
  };
  const superblock = readJournalSuperblock(await log.read(superblockBlock), extent);
  if (external && superblock.users !== 1) {
    throw new ParseError('UNSUPPORTED', `is shared by ${superblock.users} file systems`, {
      structure: 'journal superblock',
      offsetBytes: extent.offsetBytes,
    });
  }
  return superblock;
}

/** Whether a block begins inside one of the ranges, which are sorted. */
function membership(ranges: readonly Extent[], blockBytes: number): (block: number) => boolean {
  const starts = Float64Array.from(ranges, ({ start }) => start);
  return (block) => {
    const offset = block * blockBytes;
    let low = 0;
    let high = starts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((starts[middle] as number) <= offset) low = middle + 1;
      else high = middle;
    }
    const range = ranges[low - 1];
    return range !== undefined && offset < endOf(range);
  };
}

function describe(
  { sequence, errno }: JournalSuperblock,
  { transactions, endSequence }: CommittedLog,
  { blocks, revokedWrites }: Replay,
  fast: FastCommits,
): string {
  const last = (endSequence - 1) >>> 0;
  const span = transactions === 0 ? '' : ` (${sequence} to ${last})`;
  const parts = [
    `${transactions} transactions${span} replace ${blocks.length} blocks`,
    ...(revokedWrites > 0 ? [`${revokedWrites} logged blocks were revoked`] : []),
    ...(fast.commits > 0 ? [`${fast.commits} fast commits follow`] : []),
    ...(errno === 0 ? [] : [`the kernel aborted it with error ${errno}`]),
  ];
  return parts.join(', ');
}

/** Claims as bytes, rounded outwards to clusters: those are what gets allocated. */
function claimedBytes(claimed: readonly BlockRange[], geometry: ExtGeometry): Extent[] {
  const { blocksPerCluster, firstDataBlock, blockBytes } = geometry;
  const roundDown = (block: number) =>
    firstDataBlock + Math.floor((block - firstDataBlock) / blocksPerCluster) * blocksPerCluster;
  const pairs = claimed.flatMap(({ block, count }) => {
    const start = roundDown(block) * blockBytes;
    return [start, roundDown(block + count + blocksPerCluster - 1) * blockBytes - start];
  });
  return [...eachExtent(canonical(Float64Array.from(pairs)))];
}
