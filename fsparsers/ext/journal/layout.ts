/**
 * The jbd2 log's structures on disk, all big-endian. Sources: include/linux/jbd2.h,
 * Documentation/filesystems/ext4/journal.rst, e2fsprogs lib/ext2fs/kernel-jbd.h.
 */

import { layout } from '../../layout.js';

export const journalMagic = 0xc03b3998;

export const blockTypes = {
  descriptor: 1,
  commit: 2,
  superblockV1: 3,
  superblockV2: 4,
  revoke: 5,
} as const;

/** `s_feature_compat`. */
export const compatChecksum = 0x1;

/** `s_feature_incompat`. */
export const incompat = {
  revoke: 0x01,
  bits64: 0x02,
  asyncCommit: 0x04,
  checksumV2: 0x08,
  checksumV3: 0x10,
  fastCommit: 0x20,
} as const;

/** `t_flags`. */
export const tagFlags = { escaped: 1, sameUuid: 2, deleted: 4, last: 8 } as const;

/** `h_chksum_type` of a checksum-v1 commit block, and `s_checksum_type`. */
export const checksumTypes = { none: 0, crc32: 1, crc32c: 4 } as const;

/** A journal with fewer blocks is refused by the kernel and by e2fsck (JBD2_MIN_JOURNAL_BLOCKS). */
export const minJournalBlocks = 1024;

/** Where `s_num_fc_blks` is 0 (JBD2_DEFAULT_FAST_COMMIT_BLOCKS). */
export const defaultFastCommitBlocks = 256;

/** What begins every block of the log but the journalled data itself: struct journal_header_s. */
export const blockHeader = layout('big', {
  h_magic: [0, 'u32'],
  h_blocktype: [4, 'u32'],
  h_sequence: [8, 'u32'],
});

/** struct journal_superblock_s; the fields behind s_errno are only valid in version 2. */
export const superblockLayout = layout('big', {
  h_magic: [0x00, 'u32'],
  h_blocktype: [0x04, 'u32'],
  s_blocksize: [0x0c, 'u32'],
  s_maxlen: [0x10, 'u32'],
  s_first: [0x14, 'u32'],
  s_sequence: [0x18, 'u32'],
  s_start: [0x1c, 'u32'],
  s_errno: [0x20, 'i32'],
  s_feature_compat: [0x24, 'u32'],
  s_feature_incompat: [0x28, 'u32'],
  s_feature_ro_compat: [0x2c, 'u32'],
  s_uuid: [0x30, 'bytes:16'],
  s_nr_users: [0x40, 'u32'],
  s_checksum_type: [0x50, 'u8'],
  s_num_fc_blks: [0x54, 'u32'],
  s_checksum: [0xfc, 'u32'],
});

/** Bytes of the journal superblock that its checksum covers. */
export const superblockBytes = 1024;

/** struct commit_header. */
export const commitLayout = layout('big', {
  h_chksum_type: [0x0c, 'u8'],
  h_chksum_size: [0x0d, 'u8'],
  h_chksum: [0x10, 'u32'],
  h_commit_sec: [0x30, 'u64'],
});

/** Bytes of struct commit_header, padding included. */
export const commitHeaderBytes = 0x40;

/** struct jbd2_journal_revoke_header_s: `r_count` counts bytes, this header's included. */
export const revokeLayout = layout('big', { r_count: [0x0c, 'u32'] });

export const revokeHeaderBytes = 16;

/**
 * struct journal_block_tag_s and journal_block_tag3_s. Both keep the flags' low half at byte 6; what
 * lies before and behind it differs.
 */
export const tagLayout = layout('big', { t_blocknr: [0, 'u32'], t_flags: [6, 'u16'] });
export const tagChecksumV2 = layout('big', { t_checksum: [4, 'u16'] });
export const tagChecksumV3 = layout('big', { t_checksum: [12, 'u32'] });
export const tagHighWord = layout('big', { t_blocknr_high: [8, 'u32'] });

/** A tag that does not repeat its predecessor's UUID is followed by one. */
export const tagUuidBytes = 16;

/** struct jbd2_journal_block_tail, the last bytes of a descriptor or revoke block with v2 or v3. */
export const blockTailBytes = 4;
