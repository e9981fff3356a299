/** The log items of a transaction, and the one kind that matters here: buffer items. */

import { layout } from '../../layout.js';
import { viewOf } from '../bytes.js';

/** Kinds of log item (XFS_LI_*, fs/xfs/libxfs/xfs_log_format.h). */
export const itemTypes: ReadonlyMap<number, string> = new Map([
  [0x1236, 'extent free intent'],
  [0x1237, 'extent free done'],
  [0x123b, 'inode'],
  [0x123c, 'buffer'],
  [0x123d, 'quota'],
  [0x123e, 'quota off'],
  [0x123f, 'inode create'],
  [0x1240, 'reverse mapping intent'],
  [0x1241, 'reverse mapping done'],
  [0x1242, 'reference count intent'],
  [0x1243, 'reference count done'],
  [0x1244, 'block mapping intent'],
  [0x1245, 'block mapping done'],
  [0x1246, 'attribute intent'],
  [0x1247, 'attribute done'],
  [0x1248, 'mapping exchange intent'],
  [0x1249, 'mapping exchange done'],
  [0x124a, 'realtime extent free intent'],
  [0x124b, 'realtime extent free done'],
  [0x124c, 'realtime reverse mapping intent'],
  [0x124d, 'realtime reverse mapping done'],
  [0x124e, 'realtime reference count intent'],
  [0x124f, 'realtime reference count done'],
]);
export const bufferItem = 0x123c;
export const inodeItem = 0x123b;

/** Bytes that one bit of a buffer item's map stands for (XFS_BLF_CHUNK). */
export const chunkBytes = 128;
/** No buffer that is logged whole is larger: the largest block (XFS_MAX_BLOCKSIZE). */
const largestBufferBytes = 64 << 10;

/** struct xfs_buf_log_format, in the writing machine's byte order; the map follows at 20. */
const bufferFormat = layout('little', {
  type: [0, 'u16'],
  regions: [2, 'u16'],
  flags: [4, 'u16'],
  blocks: [6, 'u16'],
  address: [8, 'u64'],
  mapWords: [16, 'u32'],
});
const mapAt = 20;

const flagBits = { inodes: 1, cancel: 2, quotas: 4 | 8 | 16 } as const; // XFS_BLF_*
const kindShift = 11; // XFS_BLFT_SHIFT
/** Kinds of buffer (XFS_BLFT_*) that hold headers or trees; kernels before 3.10 say nothing, 0. */
const structuralKinds: ReadonlySet<number> = new Set([0, 4, 5, 6, 7, 18]);

export interface BufferItem {
  readonly startBytes: number;
  readonly lengthBytes: number;
  readonly cancels: boolean;
  /** Whether it may hold data for the map: superblock, AG headers, B+tree blocks. */
  readonly structural: boolean;
  /** The 128-byte chunks that were logged, as runs of [first, count]. */
  readonly runs: readonly (readonly [number, number])[];
}

/** struct xfs_inode_log_format: its length tells 64-bit kernels from i386 ones, which do not pad it. */
const inodeNumberAt: ReadonlyMap<number, number> = new Map([
  [56, 16],
  [52, 12],
]);

/** The inode that an inode item's first region names; null where it cannot be one. */
export function decodeInodeItem(region: Uint8Array): number | null {
  const at = inodeNumberAt.get(region.length);
  return at === undefined ? null : Number(viewOf(region).getBigUint64(at, true));
}

/** Decodes a buffer item's first region; null where it cannot be one. */
export function decodeBufferItem(region: Uint8Array): BufferItem | null {
  if (region.length < bufferFormat.sizeBytes) return null;
  const format = bufferFormat.decode(region);
  const mapWords = Math.min(format.mapWords, Math.floor((region.length - mapAt) / 4));
  if (mapWords < format.mapWords) return null;
  const startBytes = format.address * 512;
  const lengthBytes = format.blocks * 512;
  const special = (format.flags & (flagBits.inodes | flagBits.quotas)) !== 0;
  return {
    startBytes,
    lengthBytes,
    cancels: (format.flags & flagBits.cancel) !== 0,
    structural:
      !special &&
      lengthBytes <= largestBufferBytes &&
      structuralKinds.has(format.flags >>> kindShift),
    runs: setRuns(viewOf(region), mapWords),
  };
}

function setRuns(view: DataView, words: number): [number, number][] {
  const runs: [number, number][] = [];
  for (let bit = 0; bit < words * 32; bit++) {
    const word = view.getUint32(mapAt + 4 * (bit >>> 5), true);
    if (((word >>> (bit & 31)) & 1) === 0) continue;
    const last = runs.at(-1);
    if (last !== undefined && last[0] + last[1] === bit) last[1]++;
    else runs.push([bit, 1]);
  }
  return runs;
}
