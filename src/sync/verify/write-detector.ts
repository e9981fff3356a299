/** Who tells a difference that stays from one that is only on its way: what was written meanwhile, and where. */

import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { emptyExtents, type ExtentList, extentOf } from '../../region/index.js';
import type { LocalVolume } from '../../volume/index.js';
import { writeCounterText } from '../write-counter.js';

export interface WriteDetector {
  /**
   * The ranges that may have been written, on either side, since it was last asked; `unknown` where
   * this system keeps no account of it.
   */
  writtenSince(): Promise<ExtentList | 'unknown'>;
}

/** One side's account at one moment. */
export interface WriteCounter {
  /** Null where the system keeps none. */
  readonly counterText: string | null;
  /** A write was under way, or so recent that the next one may leave no trace of its own. */
  readonly isFresh: boolean;
}

/** File times move on with the kernel's clock tick, 10 ms at the slowest: within it two writes look like one. */
const tickMs = 20;

/** Looks at a volume's write counters as it is now. */
export async function writeCounterOf(volume: LocalVolume): Promise<WriteCounter> {
  const counterText = await writeCounterText(volume);
  const isFresh = await isBeingWritten(volume).catch(() => false);
  return { counterText, isFresh };
}

/** The account that a run begins with: what was written just before it is no writing during it. */
export async function firstWriteCounterOf(volume: LocalVolume): Promise<WriteCounter> {
  const account = await writeCounterOf(volume);
  if (!account.isFresh) return account;
  await sleep(2 * tickMs);
  return writeCounterOf(volume);
}

/** The kernel counts a write when it is complete; one that is not may reach the disk at any moment. */
async function isBeingWritten({ identity, handle }: LocalVolume): Promise<boolean> {
  if (identity.kind === 'file') {
    const { mtimeMs, ctimeMs } = await handle.stat();
    return Math.abs(Date.now() - Math.max(mtimeMs, ctimeMs)) < tickMs;
  }
  const numbers = identity.node.slice('block:'.length);
  // Reads and writes under way (Documentation/ABI/stable/sysfs-block).
  const text = await readFile(`/sys/dev/block/${numbers}/inflight`, 'utf8');
  return Number(text.trim().split(/\s+/)[1]) > 0;
}

/** Whether nobody wrote between two looks at a volume; null where that cannot be known. */
export function isUnwritten(before: WriteCounter, now: WriteCounter): boolean | null {
  if (before.counterText === null || now.counterText === null) return null;
  return before.counterText === now.counterText && !before.isFresh && !now.isFresh;
}

/**
 * A write detector by the kernel's own write counters (write-counter.ts), from `first` on. It knows that
 * something was written and not where: then all of the volume may have been.
 */
export function countingDetector(
  volumes: readonly LocalVolume[],
  first: readonly WriteCounter[],
  deviceBytes: number,
): WriteDetector {
  let before = first;
  return {
    async writtenSince() {
      const now = await Promise.all(volumes.map(writeCounterOf));
      const sides = now.map((account, index) =>
        isUnwritten(before[index] as WriteCounter, account),
      );
      before = now;
      // What one side is known to have got is no less known for the other side's silence.
      if (sides.includes(false)) return extentOf(0, deviceBytes);
      return sides.includes(null) ? 'unknown' : emptyExtents;
    },
  };
}
