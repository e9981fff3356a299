/** What is still to be copied: written since it was copied last. */

import { exitCodes, FastsyncError } from '../../errors.js';
import {
  bounded,
  clip,
  emptyExtents,
  type ExtentList,
  totalBytes,
  union,
} from '../../region/index.js';
import type { Tracker } from '../../tracker/index.js';

/** Writes went by that the tracker cannot vouch for: only comparing helps. */
export class MissedWrites extends FastsyncError {
  constructor(path: string, reason: string) {
    super({
      code: 'TRACKER_MISSED',
      exitCode: exitCodes.incomplete,
      message: `writes to ${path} may have been missed: ${reason}`,
      remedy: 'run the same command again: it compares everything and copies what differs',
    });
  }
}

/** 64 MiB of memory; beyond that, neighbours are joined: a little more is copied, never less. */
const mostExtents = 1 << 22;

export interface Written {
  /** Since the last time, as far as it can be copied. */
  readonly dirty: ExtentList;
  readonly bytesPerSecond: number;
}

export class TrackedDirtySet {
  readonly #tracker: Tracker;
  readonly #limitBytes: number;
  #extents: ExtentList = emptyExtents;
  #behind: ExtentList = emptyExtents;
  #drainedAtMs = performance.now();

  /** Nothing behind `limitBytes` can be copied. */
  constructor(tracker: Tracker, limitBytes: number) {
    this.#tracker = tracker;
    this.#limitBytes = limitBytes;
  }

  get extents(): ExtentList {
    return this.#extents;
  }

  get bytes(): number {
    return totalBytes(this.#extents);
  }

  /** Written behind the limit since the beginning: a copy that ends there lacks it. */
  get bytesBehindLimit(): number {
    return totalBytes(this.#behind);
  }

  /** Adds what was written since the last time, and gives it. Rejects with MissedWrites. */
  async drain(): Promise<Written> {
    const { dirty: marked, missed } = await this.#tracker.drain();
    if (missed !== null) throw new MissedWrites(this.#tracker.volume.path, missed);
    const nowMs = performance.now();
    const seconds = (nowMs - this.#drainedAtMs) / 1000;
    this.#drainedAtMs = nowMs;
    // Each by itself first: their union would be as long as both.
    const near = bounded(marked, mostExtents);
    const dirty = clip(near, 0, this.#limitBytes);
    this.#extents = bounded(union(this.#extents, dirty), mostExtents);
    const behind = clip(near, this.#limitBytes, Number.MAX_SAFE_INTEGER - this.#limitBytes);
    this.#behind = bounded(union(this.#behind, behind), mostExtents);
    return { dirty, bytesPerSecond: seconds > 0 ? totalBytes(marked) / seconds : 0 };
  }

  /** Hands it over to be copied: from now on it is what is written later. */
  take(): ExtentList {
    const extents = this.#extents;
    this.#extents = emptyExtents;
    return extents;
  }
}
