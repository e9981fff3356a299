/** What a write tracker is to the rest of fastsync, whichever part of the kernel does the tracking. */

import type { ExtentList } from '../region/index.js';
import type { VolumeIdentity } from '../volume/index.js';

export interface TrackerOptions {
  /**
   * Bytes that one mark stands for: a power of two of at least 4096. Default 65536. A volume so large
   * that its marks would not fit gets a coarser one; `Tracker.granularityBytes` says which.
   */
  readonly granularityBytes?: number;
}

/** What was written since the last drain. */
export interface Drained {
  /** Bytes of the volume, aligned to the granularity (clipped to the volume's end), sorted, merged. */
  readonly dirty: ExtentList;
  /**
   * Null as long as no write can have been missed since the tracker was started. Else why: `dirty`
   * then proves nothing, the caller must compare the used space, and start another tracker first. It
   * stays as it is until then.
   */
  readonly missed: string | null;
  /**
   * More than four million ranges were written: the closest ones came joined, and `dirty` has more than
   * was written.
   */
  readonly joined?: true;
}

export interface TrackerHealth {
  /** As in `Drained`. */
  readonly missed: string | null;
  /** Writes, discards and write-zeroes that the kernel showed since the start, completions included. */
  readonly eventsSeen: number;
  /** Kernel memory that the marks take. */
  readonly memoryBytes: number;
  readonly backend: 'bpf';
}

/**
 * Marks what is written to one volume, from the moment it was started. A write is marked when it is
 * submitted and again when it completes.
 */
export interface Tracker {
  readonly volume: VolumeIdentity;
  readonly granularityBytes: number;
  /**
   * Takes the marks and clears them in one. No write is lost between two drains: one that is under
   * way at the drain is marked again at its completion. So whoever reads a range after its drain has
   * what was written before, or finds the range in a later drain.
   */
  drain(): Promise<Drained>;
  /** Counts the marks and leaves them. */
  peek(): Promise<{ readonly dirtyBytes: number }>;
  health(): Promise<TrackerHealth>;
  /** Ends the tracking. May be called again. */
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}
