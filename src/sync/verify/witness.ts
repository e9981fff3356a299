/** Who tells a difference that stays from one that is only on its way: what was written meanwhile, and where. */

import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { emptyExtents, type ExtentList, extentOf } from '../../region/index.js';
import type { LocalVolume } from '../../volume/index.js';
import { unwrittenEvidence } from '../evidence.js';

export interface Witness {
  /**
   * The ranges that may have been written, on either side, since it was last asked; `unknown` where
   * this system keeps no account of it.
   */
  writtenSince(): Promise<ExtentList | 'unknown'>;
}

/** One side's account at one moment. */
export interface Account {
  /** Null where the system keeps none. */
  readonly evidence: string | null;
  /** A write was under way, or so recent that the next one may leave no trace of its own. */
  readonly isFresh: boolean;
}

/** File times move on with the kernel's clock tick, 10 ms at the slowest: within it two writes look like one. */
const tickMs = 20;

/** Looks at a volume's account of writes as it is now. */
export async function accountOf(volume: LocalVolume): Promise<Account> {
  const evidence = await unwrittenEvidence(volume);
  const isFresh = await isBeingWritten(volume).catch(() => false);
  return { evidence, isFresh };
}

/** The account that a run begins with: what was written just before it is no writing during it. */
export async function firstAccountOf(volume: LocalVolume): Promise<Account> {
  const account = await accountOf(volume);
  if (!account.isFresh) return account;
  await sleep(2 * tickMs);
  return accountOf(volume);
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
export function isUnwritten(before: Account, now: Account): boolean | null {
  if (before.evidence === null || now.evidence === null) return null;
  return before.evidence === now.evidence && !before.isFresh && !now.isFresh;
}

/**
 * A witness by the kernel's own account of writes (evidence.ts), from `first` on. It knows that
 * something was written and not where: then all of the volume may have been.
 */
export function accountingWitness(
  volumes: readonly LocalVolume[],
  first: readonly Account[],
  deviceBytes: number,
): Witness {
  let before = first;
  return {
    async writtenSince() {
      const now = await Promise.all(volumes.map(accountOf));
      const sides = now.map((account, index) => isUnwritten(before[index] as Account, account));
      before = now;
      // What one side is known to have got is no less known for the other side's silence.
      if (sides.includes(false)) return extentOf(0, deviceBytes);
      return sides.includes(null) ? 'unknown' : emptyExtents;
    },
  };
}
