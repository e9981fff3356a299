/**
 * The guarantees of a write tracker, for every backend. A backend that keeps writes in order will extend
 * Tracker: its users read a stream after a sequence number and acknowledge up to one.
 */

import type { ExtentList } from '../region/index.js';
import type { VolumeIdentity } from '../volume/index.js';

export interface TrackerOptions {
  /**
   * Bytes that one dirty bit stands for: a power of two of at least 4096. Default 65536. A volume too
   * large for that gets a coarser granularity; `Tracker.granularityBytes` says which.
   */
  readonly granularityBytes?: number;
}

/** What was written since the last drain. */
export interface Drained {
  /** Bytes of the volume, aligned to the granularity (clipped to the volume's end), sorted, merged. */
  readonly dirty: ExtentList;
  /**
   * Null as long as the tracker cannot have missed a write since it was started; otherwise the reason,
   * in every later drain too. `dirty` then proves nothing: the caller must start another tracker and
   * then compare the used space.
   */
  readonly missed: string | null;
  /**
   * More than four million ranges were written: those closest to each other were joined, and `dirty`
   * holds more than was written.
   */
  readonly joined?: true;
}

export interface TrackerHealth {
  /** As in `Drained`. */
  readonly missed: string | null;
  /** Writes, discards and write-zeroes that the kernel reported since the start, with their completions. */
  readonly eventsSeen: number;
  /** Kernel memory that the bitmap takes. */
  readonly memoryBytes: number;
  readonly backend: 'bpf';
}

/**
 * Records what is written to one volume as dirty, from its start on: each write when it is submitted and
 * again when it completes.
 */
export interface Tracker {
  readonly volume: VolumeIdentity;
  readonly granularityBytes: number;
  /**
   * Takes the dirty ranges and clears them atomically. No write is lost between two drains: the
   * completion of a write in flight makes its range dirty again. So a range that is read after its drain
   * holds what was written before it, or is dirty again in a later drain.
   */
  drain(): Promise<Drained>;
  /** Counts the dirty bytes and leaves them dirty. */
  peek(): Promise<{ readonly dirtyBytes: number }>;
  health(): Promise<TrackerHealth>;
  /** Stops tracking. May be called again. */
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}
