/** When to kill a run so that it is hit on its way, on a machine of whatever speed. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from './random.js';

interface Run extends PromiseLike<{ readonly signal?: string | undefined }> {
  kill(signal: 'SIGKILL' | 'SIGINT'): boolean;
}

/**
 * Kills runs that take about equally long, each at a random moment from where it is asked. How long they
 * take it learns from the runs themselves: from one that ended first, the kill came too late.
 */
export class KillMoments {
  readonly #random: Random;
  #longestMs: number;

  /** `longestMs`: how long a run may take, as a first guess. */
  constructor(random: Random, longestMs: number) {
    this.#random = random;
    this.#longestMs = longestMs;
  }

  /** Sends the signal unless the run ends before. Says whether it was sent in time. */
  async kill(run: Run, signal: 'SIGKILL' | 'SIGINT' = 'SIGKILL'): Promise<boolean> {
    const begin = performance.now();
    const ended = run.then(
      () => true,
      () => true,
    );
    const delayMs = this.#random.next() * this.#longestMs;
    const over = new AbortController();
    const isLate = await Promise.race([
      ended,
      sleep(delayMs, false, { signal: over.signal }).catch(() => false),
    ]);
    over.abort();
    if (isLate) {
      this.#longestMs = performance.now() - begin;
      return false;
    }
    // Slower runs are hit late too.
    this.#longestMs *= 1.1;
    return run.kill(signal);
  }
}
