/** The chunks of 64 inodes of one allocation group, and which of the inodes are in use. */

import { treeKinds, type Leaf } from '../btree.js';
import { agLength, type Geometry } from '../superblock.js';

const inodesPerChunk = 64; // XFS_INODES_PER_CHUNK
/** Words kept of a chunk: its first inode, and the bits of the 64 that are in use, low word first. */
const words = 3;

/** 12 bytes a chunk, in the order of the inode B+tree. */
export class ChunkList {
  readonly #mostInodes: number;
  readonly #sparse: boolean;
  #records = new Uint32Array(words * 64);
  #count = 0;

  constructor(geometry: Geometry, agno: number) {
    this.#mostInodes = agLength(geometry, agno) * 2 ** geometry.inodesPerBlockLog;
    this.#sparse = geometry.has.sparseInodes;
  }

  get length(): number {
    return this.#count;
  }

  /**
   * Takes a leaf's records (struct xfs_inobt_rec: first inode, hole mask or count, mask of free ones).
   * False where they overlap or lie outside the group.
   */
  add({ view, firstAt, records }: Leaf): boolean {
    for (let index = 0; index < records; index++) {
      const at = firstAt + index * treeKinds.inobt.recordBytes;
      const first = view.getUint32(at);
      const holes = this.#sparse ? view.getUint16(at + 4) : 0;
      const least = this.#count === 0 ? 0 : this.firstOf(this.#count - 1) + inodesPerChunk;
      if (first < least || first >= this.#mostInodes) return false;
      // One bit of the hole mask stands for four inodes: none of them is there.
      const low = ~view.getUint32(at + 12) & ~spread(holes & 0xff);
      const high = ~view.getUint32(at + 8) & ~spread(holes >>> 8);
      this.#push(first, low, high);
      const span = this.usedSpan(this.#count - 1);
      if (span !== null && first + span[1] > this.#mostInodes) {
        this.#count--;
        return false;
      }
    }
    return true;
  }

  firstOf(index: number): number {
    return this.#records[words * index] ?? 0;
  }

  isUsed(index: number, inode: number): boolean {
    const word = this.#records[words * index + 1 + (inode >>> 5)] ?? 0;
    return ((word >>> (inode & 31)) & 1) === 1;
  }

  /** From the first inode in use to the end of the last; null where none is. */
  usedSpan(index: number): readonly [number, number] | null {
    const low = this.#records[words * index + 1] ?? 0;
    const high = this.#records[words * index + 2] ?? 0;
    if (low === 0 && high === 0) return null;
    const from = low === 0 ? 32 + firstBit(high) : firstBit(low);
    const to = high === 0 ? 32 - Math.clz32(low) : 64 - Math.clz32(high);
    return [from, to];
  }

  #push(first: number, low: number, high: number): void {
    const at = words * this.#count;
    if (at === this.#records.length) {
      const larger = new Uint32Array(2 * at);
      larger.set(this.#records);
      this.#records = larger;
    }
    this.#records.set([first, low >>> 0, high >>> 0], at);
    this.#count++;
  }
}

function firstBit(word: number): number {
  return 31 - Math.clz32(word & -word);
}

/** Eight bits, each four times. */
function spread(bits: number): number {
  let wide = 0;
  for (let bit = 0; bits >>> bit !== 0; bit++) {
    if ((bits >>> bit) & 1) wide |= 0xf << (4 * bit);
  }
  return wide;
}
