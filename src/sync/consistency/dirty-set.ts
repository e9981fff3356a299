/** What one target does not have yet, in a list that cannot grow without bound. */

import { bounded, emptyExtents, type ExtentList, totalBytes, union } from '../../region/index.js';

/** 4 MiB of memory; beyond that, neighbours are joined. */
const mostExtents = 262_144;

export class DirtySet {
  #list: ExtentList = emptyExtents;
  #isDue = false;

  /**
   * Adds ranges. `isReason` false: they are copied with the next epoch, but make none by themselves.
   */
  add(list: ExtentList, isReason = true): void {
    if (list.length === 0) return;
    // Each by itself first: their union would be as long as both.
    this.#list = bounded(union(this.#list, bounded(list, mostExtents)), mostExtents);
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
