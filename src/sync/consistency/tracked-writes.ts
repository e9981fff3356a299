/** The tracked writes that an online seed has to copy again, up to the end of the targets. */

import { bounded, clip, type ExtentList, totalBytes } from '../../region/index.js';
import type { Tracker } from '../../tracker/index.js';
import { DirtySet, seedExtents } from './dirty-set.js';
import { MissedWrites } from './errors.js';

export interface Written {
  /** The ranges written since the last drain, up to the limit. */
  readonly dirty: ExtentList;
  readonly bytesPerSecond: number;
}

export class TrackedWrites {
  readonly dirtySet = new DirtySet(seedExtents);
  readonly #tracker: Tracker;
  readonly #limitBytes: number;
  readonly #behind = new DirtySet(seedExtents);
  #drainedAtMs = performance.now();

  /** Nothing after `limitBytes` can be copied. */
  constructor(tracker: Tracker, limitBytes: number) {
    this.#tracker = tracker;
    this.#limitBytes = limitBytes;
  }

  /** Bytes written after the limit since the beginning: a copy that ends there lacks them. */
  get bytesBehindLimit(): number {
    return this.#behind.bytes;
  }

  /** Adds what was written since the last drain to the dirty set. Rejects with MissedWrites. */
  async drain(): Promise<Written> {
    const { volume } = this.#tracker;
    const { dirty: written, missed } = await this.#tracker.drain();
    if (missed !== null) throw new MissedWrites(volume.path, missed, 'seeding');
    const nowMs = performance.now();
    const seconds = (nowMs - this.#drainedAtMs) / 1000;
    this.#drainedAtMs = nowMs;
    const near = bounded(written, seedExtents);
    const dirty = clip(near, 0, this.#limitBytes);
    this.dirtySet.add(dirty);
    this.#behind.add(clip(near, this.#limitBytes, Number.MAX_SAFE_INTEGER - this.#limitBytes));
    return { dirty, bytesPerSecond: seconds > 0 ? totalBytes(written) / seconds : 0 };
  }
}
