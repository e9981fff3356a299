/** Tells a difference that stays from one that a write in flight makes: what was written meanwhile, and where. */

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

/** File times move on with the kernel's clock tick, 10 ms at the slowest: within it two writes look like one. */
const tickMs = 20;

/** The counter that a run begins with: what was written just before the run does not count. */
export async function firstWriteCounterOf(volume: Volume): Promise<WriteCounter> {
  const counter = await volume.writeCounter();
  if (!counter.isFresh) return counter;
  await sleep(2 * tickMs);
  return volume.writeCounter();
}

/** Whether nobody wrote between two looks at a volume; null where that cannot be known. */
export function isUnwritten(before: WriteCounter, now: WriteCounter): boolean | null {
  if (before.value === null || now.value === null) return null;
  return before.value === now.value && !before.isFresh && !now.isFresh;
}

/**
 * A write detector by the kernel's own write counters (Volume.writeCounter), from `first` on. It knows that
 * something was written and not where: then all of the volume may have been.
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
      // What one side is known to have got is no less known for the other side's silence.
      if (sides.includes(false)) return extentOf(0, deviceBytes);
      return sides.includes(null) ? 'unknown' : emptyExtents;
    },
  };
}
