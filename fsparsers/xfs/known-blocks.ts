/** The blocks of one allocation group with a known purpose; they can never be free. */

import { eachExtent, type ExtentList } from '../extents.js';
import type { BlockList } from './block-list.js';

/** What a known block is, in the words of locate(). */
export const blockPurposes = [
  'superblock and headers',
  'free list (AGFL)',
  'by-block free space B+tree',
  'by-size free space B+tree',
  'inode B+tree',
  'free inode B+tree',
  'reverse mapping B+tree',
  'reference count B+tree',
  'inode chunk',
  'log',
] as const;
export type BlockPurpose = (typeof blockPurposes)[number];

/** Sorted, disjoint ranges of known blocks; 9 bytes each. */
export class KnownBlocks {
  readonly #starts: Uint32Array;
  readonly #ends: Uint32Array;
  readonly #purposes: Uint8Array;
  /** A block that two purposes claim: the structures contradict each other. Null where none is. */
  readonly contested: number | null;

  private constructor(
    starts: Uint32Array,
    ends: Uint32Array,
    purposes: Uint8Array,
    contested: number | null,
  ) {
    this.#starts = starts;
    this.#ends = ends;
    this.#purposes = purposes;
    this.contested = contested;
  }

  /** Sorts the lists into one. Neighbours of one purpose become one range. */
  static from(lists: ReadonlyMap<BlockPurpose, BlockList>): KnownBlocks {
    const count = [...lists.values()].reduce((sum, list) => sum + list.length, 0);
    const keys = new Float64Array(count);
    const flat: { purpose: number; list: BlockList; base: number }[] = [];
    let filled = 0;
    for (const [purpose, list] of lists) {
      flat.push({ purpose: blockPurposes.indexOf(purpose), list, base: filled });
      for (let index = 0; index < list.length; index++) keys[filled++] = list.startOf(index);
    }
    const order = new Uint32Array(count).map((_, index) => index);
    order.sort((a, b) => (keys[a] ?? 0) - (keys[b] ?? 0));
    const starts = new Uint32Array(count);
    const ends = new Uint32Array(count);
    const purposes = new Uint8Array(count);
    let kept = 0;
    let contested: number | null = null;
    for (const place of order) {
      const source = flat.findLast(({ base }) => base <= place);
      if (source === undefined) continue;
      const start = source.list.startOf(place - source.base);
      const end = source.list.endOf(place - source.base);
      const previousEnd = kept === 0 ? -1 : (ends[kept - 1] ?? 0);
      if (start <= previousEnd && purposes[kept - 1] === source.purpose) {
        ends[kept - 1] = Math.max(previousEnd, end);
        continue;
      }
      if (start < previousEnd) contested ??= start;
      starts[kept] = start;
      ends[kept] = end;
      purposes[kept] = source.purpose;
      kept++;
    }
    const all = [starts.slice(0, kept), ends.slice(0, kept), purposes.slice(0, kept)] as const;
    return new KnownBlocks(...all, contested);
  }

  get length(): number {
    return this.#starts.length;
  }

  startOf(index: number): number {
    return this.#starts[index] ?? 0;
  }

  endOf(index: number): number {
    return this.#ends[index] ?? 0;
  }

  purposeOf(index: number): BlockPurpose {
    return blockPurposes[this.#purposes[index] ?? 0] ?? blockPurposes[0];
  }

  /** The purpose of a block, by bisection; null where none is known. */
  find(agbno: number): BlockPurpose | null {
    let low = 0;
    let high = this.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.endOf(middle) <= agbno) low = middle + 1;
      else high = middle;
    }
    return low < this.length && this.startOf(low) <= agbno ? this.purposeOf(low) : null;
  }

  /** The first known range that overlaps a sorted list of extents, or null. */
  firstOverlap(extents: ExtentList): { agbno: number; purpose: BlockPurpose } | null {
    let at = 0;
    for (const { start, length } of eachExtent(extents)) {
      while (at < this.length && this.endOf(at) <= start) at++;
      if (at < this.length && this.startOf(at) < start + length) {
        return { agbno: Math.max(start, this.startOf(at)), purpose: this.purposeOf(at) };
      }
    }
    return null;
  }
}
