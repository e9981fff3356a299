/** Tries again after the connection to another host was lost: the copy resumes from its last checkpoint. */

import { setTimeout as sleep } from 'node:timers/promises';
import { FastsyncError } from '../../errors.js';
import { formatDuration } from '../../report/units.js';
import type { Context } from '../run.js';

/** Between two attempts: doubled each time, up to the second. */
const firstPauseMs = 1000;
const longestPauseMs = 60_000;

const lostCodes: ReadonlySet<string> = new Set(['LINK_LOST', 'PEER_SILENT']);

/**
 * Runs `attempt` until it succeeds, fails for another reason than the connection, or `limitMs` have passed
 * since the first loss. Only a copy that has begun is retried: before that, whatever is wrong with the other
 * host is better told at once. Later attempts may also find the lock still held by the agent that was
 * cut off.
 */
export async function retryLostLinks<T>(
  limitMs: number,
  { reporter, signal, unfinished }: Context,
  attempt: () => Promise<T>,
): Promise<T> {
  let deadlineMs: number | null = null;
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
    const hasBegun = () => unfinished.left.length > 0;
    const startedMs = performance.now();
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof FastsyncError) || signal.aborted || !hasBegun()) throw error;
      const isLocked = error.code === 'LOCKED' && deadlineMs !== null;
      if (!lostCodes.has(error.code) && !isLocked) throw error;
      // An attempt that got far is a new beginning.
      if (performance.now() - startedMs > 2 * longestPauseMs)
        [deadlineMs, pauseMs] = [null, firstPauseMs];
      deadlineMs ??= performance.now() + limitMs;
      const leftMs = deadlineMs - performance.now();
      if (leftMs <= 0) throw error;
      const waitMs = Math.min(pauseMs, leftMs);
      const message = `${error.message}; trying again in ${formatDuration(Math.ceil(waitMs / 1000))}`;
      reporter.report({ type: 'note', severity: 'warning', code: 'LINK_RETRY', message });
      await sleep(waitMs, undefined, { signal });
    }
  }
}
