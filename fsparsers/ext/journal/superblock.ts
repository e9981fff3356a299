/** Reads the journal superblock, and refuses what the kernel's journal_check_superblock() refuses. */

import { ParseError } from '../../errors.js';
import { checksumSeed, superblockChecksumHolds } from './checksum.js';
import {
  blockTailBytes,
  blockTypes,
  checksumTypes,
  compatChecksum,
  defaultFastCommitBlocks,
  incompat,
  journalMagic,
  minJournalBlocks,
  superblockLayout,
} from './layout.js';

/** Which of the three generations sums this log; they exclude each other. */
export type LogChecksums = 'none' | 'v1' | 'v2' | 'v3';

export interface JournalSuperblock {
  readonly blockBytes: number;
  /** Blocks of the journal, superblock included; nothing at or behind this number is ever read. */
  readonly totalBlocks: number;
  /** The log is the ring of blocks from `first` to before `end`. */
  readonly first: number;
  readonly end: number;
  /** Where fast commits lie, `end` excluded; null without the feature. */
  readonly fastCommit: { readonly first: number; readonly end: number } | null;
  /** The first transaction in the log, and the block it begins at: 0 when there is nothing to replay. */
  readonly sequence: number;
  readonly start: number;
  /** The error the kernel aborted this journal with, or 0. */
  readonly errno: number;
  readonly users: number;
  readonly bits64: boolean;
  readonly asyncCommit: boolean;
  readonly checksums: LogChecksums;
  /** Seed of v2 and v3 checksums. */
  readonly checksumSeed: number;
  /** Bytes of a tag, without the UUID that may follow it: journal_tag_bytes(). */
  readonly tagBytes: number;
  /** Bytes of a record in a revoke block. */
  readonly revokeRecordBytes: number;
  /** Bytes kept at the end of descriptor and revoke blocks for a checksum. */
  readonly tailBytes: number;
}

export interface JournalExtent {
  /** Where the superblock lies, for messages. */
  readonly offsetBytes: number;
  /** The file system's block size: a journal's must be the same. */
  readonly blockBytes: number;
  /** Blocks the inode or the external device has for the journal. */
  readonly blocks: number;
}

/** Reads the journal superblock out of its `block`. Throws ParseError where the kernel would refuse it. */
export function readJournalSuperblock(block: Uint8Array, extent: JournalExtent): JournalSuperblock {
  const raw = superblockLayout.decode(block);
  const demand = (holds: boolean, what: string, code: 'CORRUPT' | 'UNSUPPORTED' = 'CORRUPT') => {
    if (holds) return;
    throw new ParseError(code, what, {
      structure: 'journal superblock',
      offsetBytes: extent.offsetBytes,
    });
  };
  demand(raw.h_magic === journalMagic, `magic is ${hex(raw.h_magic)}`);
  demand(
    raw.s_blocksize === extent.blockBytes,
    `block size ${raw.s_blocksize} is not the file system's ${extent.blockBytes}`,
  );
  const version2 = raw.h_blocktype === blockTypes.superblockV2;
  demand(version2 || raw.h_blocktype === blockTypes.superblockV1, `block type ${raw.h_blocktype}`);
  demand(
    raw.s_maxlen <= extent.blocks,
    `journal of ${raw.s_maxlen} blocks in ${extent.blocks} blocks`,
  );
  demand(raw.s_first !== 0 && raw.s_first < extent.blocks, `log begins at block ${raw.s_first}`);
  demand(
    raw.s_maxlen + 1 - raw.s_first >= minJournalBlocks,
    `a log from block ${raw.s_first} to ${raw.s_maxlen} is too short`,
  );

  const features = version2 ? raw.s_feature_incompat : 0;
  const has = (bit: number) => (features & bit) !== 0;
  if (version2) {
    const known = Object.values(incompat).reduce((all, bit) => all | bit, 0);
    const unknown = (features & ~known) >>> 0;
    demand(unknown === 0, `unknown incompatible features ${hex(unknown)}`, 'UNSUPPORTED');
    demand(
      raw.s_feature_ro_compat === 0,
      `unknown read-only features ${hex(raw.s_feature_ro_compat)}`,
      'UNSUPPORTED',
    );
  }
  const v1 = version2 && (raw.s_feature_compat & compatChecksum) !== 0;
  const v2 = has(incompat.checksumV2);
  const v3 = has(incompat.checksumV3);
  demand([v1, v2, v3].filter(Boolean).length <= 1, 'more than one generation of checksums');
  if (v2 || v3) {
    demand(raw.s_checksum_type === checksumTypes.crc32c, `checksum type ${raw.s_checksum_type}`);
    demand(superblockChecksumHolds(block), 'checksum does not match');
  }

  const fastCommitBlocks = has(incompat.fastCommit)
    ? raw.s_num_fc_blks || defaultFastCommitBlocks
    : 0;
  demand(
    raw.s_maxlen - minJournalBlocks >= fastCommitBlocks,
    `${fastCommitBlocks} fast-commit blocks in a journal of ${raw.s_maxlen}`,
  );
  const end = raw.s_maxlen - fastCommitBlocks;
  demand(raw.s_first < end, `log from block ${raw.s_first} to ${end}`);

  return {
    blockBytes: extent.blockBytes,
    totalBlocks: raw.s_maxlen,
    first: raw.s_first,
    end,
    // The kernel leaves the area's first block unused: j_fc_first is j_last + 1.
    fastCommit: fastCommitBlocks === 0 ? null : { first: end + 1, end: raw.s_maxlen },
    sequence: raw.s_sequence,
    start: raw.s_start,
    errno: raw.s_errno,
    users: version2 ? raw.s_nr_users : 1,
    bits64: has(incompat.bits64),
    asyncCommit: has(incompat.asyncCommit),
    checksums: v3 ? 'v3' : v2 ? 'v2' : v1 ? 'v1' : 'none',
    checksumSeed: checksumSeed(raw.s_uuid),
    tagBytes: v3 ? 16 : 8 + (v2 ? 2 : 0) + (has(incompat.bits64) ? 4 : 0),
    revokeRecordBytes: has(incompat.bits64) ? 8 : 4,
    tailBytes: v2 || v3 ? blockTailBytes : 0,
  };
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}
