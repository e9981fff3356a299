/** Finding a name in a directory: the B-tree of $I30, in the root attribute and in INDX blocks. */

import { ParseError, type ParseErrorPlace } from '../errors.js';
import { layout } from '../layout.js';
import { applyFixups } from './fixups.js';
import { decodeFileName } from './record.js';
import type { Stream, Volume } from './stream.js';

/** Linux fs/ntfs3/ntfs.h, struct INDEX_ROOT; the node's header follows. */
const rootLayout = layout('little', { blockBytes: [8, 'u32'] });
const rootNodeAt = 16;
/** struct INDEX_BUFFER */
const blockLayout = layout('little', { magic: [0, 'bytes:4'], vcn: [16, 'u64'] });
const blockNodeAt = 24;
/** struct INDEX_HDR; both count from the header. */
const nodeLayout = layout('little', { entriesAt: [0, 'u32'], endAt: [4, 'u32'] });
/** struct NTFS_DE; the key, a $FILE_NAME, follows, and a child's VCN stands in the last 8 bytes. */
const entryLayout = layout('little', {
  recordLow: [0, 'u32'],
  recordHigh: [4, 'u16'],
  sequence: [6, 'u16'],
  lengthBytes: [8, 'u16'],
  keyBytes: [10, 'u16'],
  flags: [12, 'u16'],
});
const entryKeyAt = 16;
const childLayout = layout('little', { vcn: [0, 'u64'] });
const hasChildFlag = 1;
const isLastFlag = 2;

const deepestTree = 32;
const smallestBlockBytes = 512;
const largestBlockBytes = 64 << 10;

export interface DirectoryEntry {
  readonly recordNumber: number;
  readonly sequence: number;
}

/**
 * Looks an ASCII name up, whatever its case. Directories are sorted by upper case, and no other
 * letter's upper case is an ASCII letter, so that the volume's own table of them is not needed.
 * @throws ParseError CORRUPT where the index is damaged.
 */
export async function findInDirectory(
  volume: Volume,
  root: Stream,
  blocks: Stream | null,
  name: string,
): Promise<DirectoryEntry | null> {
  const place = { structure: 'root directory index', offsetBytes: 0 };
  const rootBytes = await root.read(0, root.sizeBytes);
  if (rootBytes.length < rootNodeAt + nodeLayout.sizeBytes) {
    throw new ParseError('CORRUPT', `a root of ${rootBytes.length} bytes`, place);
  }
  const { blockBytes } = rootLayout.decode(rootBytes);
  let step = searchNode(rootBytes.subarray(rootNodeAt), name, place);
  for (let depth = 0; step !== null && 'child' in step; depth++) {
    if (depth === deepestTree) throw new ParseError('CORRUPT', 'too deep, or in a circle', place);
    if (blocks === null) throw new ParseError('CORRUPT', 'a child without blocks', place);
    const block = await readBlock(volume, blocks, step.child, blockBytes, place);
    step = searchNode(block.subarray(blockNodeAt), name, place);
  }
  return step;
}

async function readBlock(
  { boot }: Volume,
  blocks: Stream,
  vcn: number,
  blockBytes: number,
  place: ParseErrorPlace,
): Promise<Uint8Array> {
  const isPowerOfTwo = Number.isInteger(Math.log2(blockBytes));
  if (!isPowerOfTwo || blockBytes < smallestBlockBytes || blockBytes > largestBlockBytes) {
    throw new ParseError('CORRUPT', `blocks of ${blockBytes} bytes`, place);
  }
  // Where a cluster holds several blocks, they are counted in units of 512 bytes.
  const unitBytes = blockBytes < boot.clusterBytes ? 512 : boot.clusterBytes;
  const bytes = await blocks.read(vcn * unitBytes, blockBytes);
  const header = blockLayout.decode(bytes);
  if (String.fromCharCode(...header.magic) !== 'INDX' || header.vcn !== vcn) {
    throw new ParseError('CORRUPT', `no index block at cluster ${vcn}`, place);
  }
  return applyFixups(bytes, place);
}

type Step = DirectoryEntry | { readonly child: number } | null;

function searchNode(node: Uint8Array, name: string, place: ParseErrorPlace): Step {
  const { entriesAt, endAt } = nodeLayout.decode(node);
  if (endAt > node.length) throw new ParseError('CORRUPT', `a node of ${endAt} bytes`, place);
  for (let at = entriesAt; ;) {
    if (at + entryKeyAt > endAt) throw new ParseError('CORRUPT', 'a node without an end', place);
    const entry = entryLayout.decode(node, at);
    const { lengthBytes, keyBytes, flags } = entry;
    const hasChild = (flags & hasChildFlag) !== 0;
    const leastBytes = entryKeyAt + (hasChild ? childLayout.sizeBytes : 0);
    if (lengthBytes < leastBytes || at + lengthBytes > endAt) {
      throw new ParseError('CORRUPT', `an entry of ${lengthBytes} bytes`, place);
    }
    const isLast = (flags & isLastFlag) !== 0;
    const order = isLast ? -1 : compareToKey(name, node, at + entryKeyAt, keyBytes, place);
    if (order === 0) {
      const recordNumber = entry.recordLow + entry.recordHigh * 2 ** 32;
      return { recordNumber, sequence: entry.sequence };
    }
    if (order < 0) {
      const childAt = at + lengthBytes - childLayout.sizeBytes;
      return hasChild ? { child: childLayout.decode(node, childAt).vcn } : null;
    }
    at += lengthBytes;
  }
}

/** Negative where the name sorts before the key, 0 where they are the same. */
function compareToKey(
  name: string,
  node: Uint8Array,
  at: number,
  keyBytes: number,
  place: ParseErrorPlace,
): number {
  const key =
    at + keyBytes <= node.length ? decodeFileName(node.subarray(at, at + keyBytes)) : null;
  if (key === null) throw new ParseError('CORRUPT', 'a name overruns its entry', place);
  const left = upperCaseAscii(name);
  const right = upperCaseAscii(key);
  return left < right ? -1 : left > right ? 1 : 0;
}

function upperCaseAscii(text: string): string {
  return text.replace(/[a-z]/g, (letter) => letter.toUpperCase());
}
