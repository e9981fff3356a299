/**
 * One node of an extent tree, decoded and checked as ext4_ext_check() does.
 *
 * Source: Linux fs/ext4/ext4_extents.h, Documentation/filesystems/ext4/ifork.rst.
 */

/** Where the fields lie. Read one by one, since there may be millions of nodes. */
const headerAt = { magic: 0, entries: 2, max: 4, depth: 6 } as const;
const leafAt = { logical: 0, length: 4, startHigh: 6, startLow: 8 } as const;
const indexAt = { logical: 0, leafLow: 4, leafHigh: 8 } as const;

const magic = 0xf30a;
const entryBytes = 12;
/** Longer extents are unwritten ones of this much less. */
const maxWrittenBlocks = 0x8000;

/** EXT4_MAX_EXTENT_DEPTH. */
export const maxExtentDepth = 5;

/** Consecutive blocks of a file. */
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
  return viewOf(block).getUint16(headerAt.magic, true) === magic;
}

/**
 * Decodes a node; `tailAt` is where its checksum lies, in a node that has one. Returns a sentence
 * where the bytes cannot be such a node.
 */
export function decodeExtentNode(bytes: Uint8Array): ExtentNode | string {
  const view = viewOf(bytes);
  const found = view.getUint16(headerAt.magic, true);
  const count = view.getUint16(headerAt.entries, true);
  const max = view.getUint16(headerAt.max, true);
  const depth = view.getUint16(headerAt.depth, true);
  const tailAt = entryBytes * (1 + max);
  if (found !== magic) return `magic is 0x${found.toString(16)}`;
  if (depth > maxExtentDepth) return `depth is ${depth}`;
  if (max === 0 || count > max || tailAt > bytes.length) return `${count} entries of ${max}`;
  if (depth > 0 && count === 0) return 'an index without entries';
  if (depth === 0) return { depth, tailAt, extents: entriesOf(view, count, extentAt) };
  return { depth, tailAt, children: entriesOf(view, count, childAt) };
}

function entriesOf<E>(
  view: DataView,
  count: number,
  decode: (view: DataView, at: number) => E,
): E[] {
  const entries: E[] = [];
  for (let nth = 0; nth < count; nth++) entries.push(decode(view, entryBytes * (1 + nth)));
  return entries;
}

/** Decodes one extent: 12 bytes at `at`. */
export function decodeExtent(bytes: Uint8Array, at: number): Extent {
  return extentAt(viewOf(bytes), at);
}

function extentAt(view: DataView, at: number): Extent {
  const length = view.getUint16(at + leafAt.length, true);
  const unwritten = length > maxWrittenBlocks;
  return {
    logical: view.getUint32(at + leafAt.logical, true),
    physical:
      view.getUint16(at + leafAt.startHigh, true) * 2 ** 32 +
      view.getUint32(at + leafAt.startLow, true),
    blocks: unwritten ? length - maxWrittenBlocks : length,
    unwritten,
  };
}

function childAt(view: DataView, at: number): ExtentIndex {
  return {
    logical: view.getUint32(at + indexAt.logical, true),
    physical:
      view.getUint16(at + indexAt.leafHigh, true) * 2 ** 32 +
      view.getUint32(at + indexAt.leafLow, true),
  };
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
