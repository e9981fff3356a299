/** Detects writes during a comparison, to distinguish a lasting difference from a write in flight. */

import { setTimeout as sleep } from 'node:timers/promises';
import { emptyExtents, type ExtentList, extentOf } from '../../region/index.js';
import type { Volume, WriteCounter } from '../../volume/index.js';

export interface WriteDetector {
  /**
   * The ranges that may have been written on either side since the last call; `unknown` where the kernel
   * does not count writes.
   */
  writtenSince(): Promise<ExtentList | 'unknown'>;
}

/** File times advance with the kernel's clock tick, 10 ms at most: two writes within it look like one. */
const tickMs = 20;

/** The counter at the start of a run; a write just before the run does not count. */
export async function firstWriteCounterOf(volume: Volume): Promise<WriteCounter> {
  const counter = await volume.writeCounter();
  if (!counter.isFresh) return counter;
  await sleep(2 * tickMs);
  return volume.writeCounter();
}

/** Whether nobody wrote between two counters; null where that cannot be known. */
export function isUnwritten(before: WriteCounter, now: WriteCounter): boolean | null {
  if (before.value === null || now.value === null) return null;
  return before.value === now.value && !before.isFresh && !now.isFresh;
}

/**
 * A write detector that uses the kernel's write counters (Volume.writeCounter), starting at `first`. It
 * knows that something was written but not where, so the whole volume counts as written.
 */
export function countingDetector(
  volumes: readonly Volume[],
  first: readonly WriteCounter[],
  deviceBytes: number,
): WriteDetector {
  let before = first;
  return {
    async writtenSince() {
      const now = await Promise.all(volumes.map((volume) => volume.writeCounter()));
      const sides = now.map((counter, index) =>
        isUnwritten(before[index] as WriteCounter, counter),
      );
      before = now;
      // A known write on one side counts even where the other side's counter is not available.
      if (sides.includes(false)) return extentOf(0, deviceBytes);
      return sides.includes(null) ? 'unknown' : emptyExtents;
    },
  };
}
