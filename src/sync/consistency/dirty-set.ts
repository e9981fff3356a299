/** What a target does not have yet: written since it was copied last. Bounded. */

import { bounded, emptyExtents, type ExtentList, totalBytes, union } from '../../region/index.js';

/** For the one copy of a seed: 64 MiB of memory. */
export const seedExtents = 1 << 22;
/** For each of many replicas, for as long as they are followed: 4 MiB of memory. */
export const replicaExtents = 1 << 18;

export class DirtySet {
  readonly #mostExtents: number;
  #extents: ExtentList = emptyExtents;
  #isDue = false;

  /** Above `mostExtents` neighbours are joined: a little more is copied, never less. */
  constructor(mostExtents: number) {
    this.#mostExtents = mostExtents;
  }

  get extents(): ExtentList {
    return this.#extents;
  }

  get bytes(): number {
    return totalBytes(this.#extents);
  }

  /** Whether what it holds is a reason for an epoch. */
  get isDue(): boolean {
    return this.#isDue;
  }

  /** Adds ranges that are a reason for an epoch. */
  add(extents: ExtentList): void {
    this.addQuietly(extents);
    this.#isDue ||= extents.length > 0;
  }

  /** Adds ranges that are copied with the next epoch, and are no reason for one. */
  addQuietly(extents: ExtentList): void {
    if (extents.length === 0) return;
    // Each by itself first: their union would be as long as both.
    const added = bounded(extents, this.#mostExtents);
    this.#extents = bounded(union(this.#extents, added), this.#mostExtents);
  }

  /** Hands over what it holds, to be copied. The set is empty then. */
  take(): ExtentList {
    const extents = this.#extents;
    this.#extents = emptyExtents;
    this.#isDue = false;
    return extents;
  }
}
