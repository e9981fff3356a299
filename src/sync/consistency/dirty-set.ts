/** The ranges written since they were last copied to a target. Bounded in memory. */

import { bounded, emptyExtents, type ExtentList, totalBytes, union } from '../../region/index.js';

/** For the single copy of a seed: 64 MiB of memory. */
export const seedExtents = 1 << 22;
/** For each of many replicas, as long as they follow: 4 MiB of memory. */
export const replicaExtents = 1 << 18;

export class DirtySet {
  readonly #mostExtents: number;
  #extents: ExtentList = emptyExtents;
  #isDue = false;

  /** Above `mostExtents`, close ranges are joined: more may be copied, never less. */
  constructor(mostExtents: number) {
    this.#mostExtents = mostExtents;
  }

  get extents(): ExtentList {
    return this.#extents;
  }

  get bytes(): number {
    return totalBytes(this.#extents);
  }

  /** Whether the set contains a reason for an epoch. */
  get isDue(): boolean {
    return this.#isDue;
  }

  /** Adds ranges that are a reason for an epoch. */
  add(extents: ExtentList): void {
    this.addQuietly(extents);
    this.#isDue ||= extents.length > 0;
  }

  /** Adds ranges that the next epoch copies but that are no reason for one. */
  addQuietly(extents: ExtentList): void {
    if (extents.length === 0) return;
    // Bounded before the union, which would otherwise be as long as both together.
    const added = bounded(extents, this.#mostExtents);
    this.#extents = bounded(union(this.#extents, added), this.#mostExtents);
  }

  /** Returns the ranges, to be copied, and empties the set. */
  take(): ExtentList {
    const extents = this.#extents;
    this.#extents = emptyExtents;
    this.#isDue = false;
    return extents;
  }
}
