/**
 * One node of an extent tree, decoded and checked as ext4_ext_check() does.
 *
 * Source: Linux fs/ext4/ext4_extents.h, Documentation/filesystems/ext4/ifork.rst.
 */

import { layout } from '../layout.js';

const headerLayout = layout('little', {
  eh_magic: [0, 'u16'],
  eh_entries: [2, 'u16'],
  eh_max: [4, 'u16'],
  eh_depth: [6, 'u16'],
});

const leafLayout = layout('little', {
  ee_block: [0, 'u32'],
  ee_len: [4, 'u16'],
  ee_start_hi: [6, 'u16'],
  ee_start_lo: [8, 'u32'],
});

const indexLayout = layout('little', {
  ei_block: [0, 'u32'],
  ei_leaf_lo: [4, 'u32'],
  ei_leaf_hi: [8, 'u16'],
});

const magic = 0xf30a;
const entryBytes = 12;
/** Longer extents are unwritten ones of this much less. */
const maxWrittenBlocks = 0x8000;

/** EXT4_MAX_EXTENT_DEPTH. */
export const maxExtentDepth = 5;

/** Blocks of a file that lie one behind the other. */
export interface Extent {
  readonly logical: number;
  readonly physical: number;
  readonly blocks: number;
  /** Allocated, but reads as zeros. */
  readonly unwritten: boolean;
}

/** A child node; it maps blocks from `logical` on. */
export interface ExtentIndex {
  readonly logical: number;
  readonly physical: number;
}

export type ExtentNode =
  | { readonly depth: 0; readonly extents: readonly Extent[]; readonly tailAt: number }
  | { readonly depth: number; readonly children: readonly ExtentIndex[]; readonly tailAt: number };

/** Whether an inode's i_block holds the root of an extent tree. */
export function looksLikeExtents(block: Uint8Array): boolean {
  return headerLayout.decode(block).eh_magic === magic;
}

/**
 * Decodes a node; `tailAt` is where its checksum lies, in a node that has one. Returns a sentence
 * where the bytes cannot be such a node.
 */
export function decodeExtentNode(bytes: Uint8Array): ExtentNode | string {
  const header = headerLayout.decode(bytes);
  const { eh_entries: count, eh_max: max, eh_depth: depth } = header;
  const tailAt = entryBytes * (1 + max);
  if (header.eh_magic !== magic) return `magic is 0x${header.eh_magic.toString(16)}`;
  if (depth > maxExtentDepth) return `depth is ${depth}`;
  if (max === 0 || count > max || tailAt > bytes.length) return `${count} entries of ${max}`;
  if (depth > 0 && count === 0) return 'an index without entries';
  const offsets = Array.from({ length: count }, (_, nth) => entryBytes * (1 + nth));
  return depth === 0
    ? { depth, tailAt, extents: offsets.map((at) => decodeExtent(bytes, at)) }
    : { depth, tailAt, children: offsets.map((at) => decodeIndex(bytes, at)) };
}

/** Decodes one extent: 12 bytes at `at`. */
export function decodeExtent(bytes: Uint8Array, at: number): Extent {
  const { ee_block, ee_len, ee_start_hi, ee_start_lo } = leafLayout.decode(bytes, at);
  const unwritten = ee_len > maxWrittenBlocks;
  return {
    logical: ee_block,
    physical: ee_start_hi * 2 ** 32 + ee_start_lo,
    blocks: unwritten ? ee_len - maxWrittenBlocks : ee_len,
    unwritten,
  };
}

function decodeIndex(bytes: Uint8Array, at: number): ExtentIndex {
  const { ei_block, ei_leaf_hi, ei_leaf_lo } = indexLayout.decode(bytes, at);
  return { logical: ei_block, physical: ei_leaf_hi * 2 ** 32 + ei_leaf_lo };
}
