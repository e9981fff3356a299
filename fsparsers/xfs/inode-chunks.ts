/** Where an allocation group's inodes lie, from the leaves of its inode B+tree. */

import type { BlockList } from './block-list.js';
import { treeKinds, type Leaf } from './btree.js';
import type { Geometry } from './superblock.js';

const inodesPerChunk = 64; // XFS_INODES_PER_CHUNK
const holeBits = 16; // one bit of ir_holemask stands for four inodes
const inodesPerHoleBit = inodesPerChunk / holeBits;

/**
 * Adds the blocks of every chunk in the leaf (struct xfs_inobt_rec, fs/xfs/libxfs/xfs_format.h).
 * The holes of sparse chunks are not inodes: their blocks belong to somebody else, or to nobody.
 * @returns whether all of them lie within the group.
 */
export function addInodeChunks(
  geometry: Geometry,
  leaf: Leaf,
  agLengthBlocks: number,
  chunks: BlockList,
): boolean {
  const blockOf = (inode: number) => Math.floor(inode / 2 ** geometry.inodesPerBlockLog);
  for (let index = 0; index < leaf.records; index++) {
    const at = leaf.firstAt + index * treeKinds.inobt.recordBytes;
    const firstInode = leaf.view.getUint32(at);
    const holes = geometry.has.sparseInodes ? leaf.view.getUint16(at + 4) : 0;
    for (const [from, to] of presentRuns(holes)) {
      const start = blockOf(firstInode + from * inodesPerHoleBit);
      const end = blockOf(firstInode + to * inodesPerHoleBit - 1) + 1;
      if (end > agLengthBlocks) return false;
      chunks.push(start, end - start);
    }
  }
  return true;
}

const wholeChunk: readonly (readonly [number, number])[] = [[0, holeBits]];

/** Runs of clear bits in a hole mask, as [from, to). */
function presentRuns(holes: number): readonly (readonly [number, number])[] {
  if (holes === 0) return wholeChunk;
  const runs: [number, number][] = [];
  for (let bit = 0; bit < holeBits; bit++) {
    if ((holes >>> bit) & 1) continue;
    const last = runs.at(-1);
    if (last?.[1] === bit) last[1] = bit + 1;
    else runs.push([bit, bit + 1]);
  }
  return runs;
}
