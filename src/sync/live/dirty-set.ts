/** What one target does not have yet, in a list that cannot grow without bound. */

import { coalesce, emptyExtents, type ExtentList, totalBytes, union } from '../../region/index.js';

/** 4 MiB of memory; beyond that, neighbours are joined. */
const mostExtents = 262_144;
const leastGapBytes = 128 * 1024;

/** Joins near extents until the list is short enough: a little more is copied, never less. */
export function bounded(list: ExtentList, limit = mostExtents): ExtentList {
  let shorter = list;
  for (let gapBytes = leastGapBytes; shorter.length > 2 * limit; gapBytes *= 2) {
    shorter = coalesce(list, gapBytes);
  }
  return shorter;
}

export class DirtySet {
  #list: ExtentList = emptyExtents;
  #isDue = false;

  /**
   * Adds ranges. `isReason` false: they are copied with the next epoch, but make none by themselves.
   */
  add(list: ExtentList, isReason = true): void {
    if (list.length === 0) return;
    this.#list = bounded(union(this.#list, list));
    this.#isDue ||= isReason;
  }

  /** Gives everything, and is empty then. */
  take(): ExtentList {
    const list = this.#list;
    this.#list = emptyExtents;
    this.#isDue = false;
    return list;
  }

  /** Whether it is worth an epoch. */
  get isDue(): boolean {
    return this.#isDue;
  }

  get bytes(): number {
    return totalBytes(this.#list);
  }
}
