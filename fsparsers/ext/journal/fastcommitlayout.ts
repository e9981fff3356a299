/**
 * Fast commits on disk, all little-endian: a stream of tags with a length each, in the journal's
 * last blocks. Source: Linux fs/ext4/fast_commit.h.
 */

import { layout } from '../../layout.js';

export const fastCommitTags = {
  addRange: 1,
  delRange: 2,
  create: 3,
  link: 4,
  unlink: 5,
  inode: 6,
  pad: 7,
  tail: 8,
  head: 9,
} as const;

/** struct ext4_fc_tl, which begins every tag. */
export const tagHeader = layout('little', { fc_tag: [0, 'u16'], fc_len: [2, 'u16'] });

/** struct ext4_fc_head. */
export const headLayout = layout('little', { fc_features: [0, 'u32'], fc_tid: [4, 'u32'] });

/** struct ext4_fc_tail. */
export const tailLayout = layout('little', { fc_tid: [0, 'u32'], fc_crc: [4, 'u32'] });

/** struct ext4_fc_add_range: an inode number, then an extent. */
export const addRangeLayout = layout('little', { fc_ino: [0, 'u32'], fc_ex: [4, 'bytes:12'] });

/** struct ext4_fc_del_range. */
export const delRangeBytes = 12;

/** struct ext4_fc_dentry_info, before the name. */
export const dentryBytes = 8;
export const maxNameBytes = 255;

/** struct ext4_fc_inode: the inode's number, then as much of its raw body as there is. */
export const inodeHeader = layout('little', { fc_ino: [0, 'u32'] });
export const minInodeBytes = 128;
