/** What is overdue, an epoch or the answer of a volume: what the replica waits for, and since when. */

import { exitCodes, FastsyncError } from '../../errors.js';
import { formatDuration } from '../../report/index.js';
import type { StallWatch } from '../stall-watch.js';

export interface Overdue {
  /** Milliseconds since 1970: when the replica began to wait. */
  readonly since: number;
  readonly error: FastsyncError;
}

/** One failure may be chance; the user is told from the second one on. */
const tellingFailures = 2;

export class Waiting {
  readonly #source: string;
  readonly #limitMs: number;
  #since: number | null = null;
  #asked: number | null = null;
  #failures = 0;
  #failure: Error | null = null;

  /** `limitMs`: within this time the source should provide a moment or a reason why it cannot. */
  constructor(source: string, limitMs: number) {
    this.#source = source;
    this.#limitMs = limitMs;
  }

  /** True while the replica waits for a moment of the source. */
  get isAsking(): boolean {
    return this.#asked !== null;
  }

  /** Runs an action that may have to wait for the source. */
  async ask<T>(action: () => Promise<T>): Promise<T> {
    this.#since ??= Date.now();
    this.#asked = performance.now();
    try {
      return await action();
    } finally {
      this.#asked = null;
    }
  }

  failed(error: Error): void {
    this.#failures++;
    this.#failure = error;
  }

  /** The epoch was completed, or given up. */
  over(): void {
    this.#since = null;
    this.#failures = 0;
    this.#failure = null;
  }

  get overdue(): Overdue | null {
    const { code = 'INTERNAL', remedy } = (this.#failure ?? {}) as Partial<FastsyncError>;
    if (this.#since === null) return null;
    if (this.#failure !== null && this.#failures >= tellingFailures) {
      return this.#told(this.#since, code, this.#failure.message, remedy);
    }
    const isLate = this.#asked !== null && performance.now() - this.#asked > this.#limitMs;
    const what = `${this.#source} should have been frozen by now; the reason for the delay is unknown`;
    return isLate ? this.#told(this.#since, 'EPOCH_OVERDUE', what) : null;
  }

  #told(since: number, code: string, why: string, remedy?: string): Overdue {
    const error = new FastsyncError({
      code,
      exitCode: exitCodes.incomplete,
      message: `no epoch was completed since ${new Date(since).toISOString()}: ${why}`,
      ...(remedy === undefined ? {} : { remedy }),
    });
    return { since, error };
  }
}

/** The first of these volumes that does not answer; the replica waits for it. */
export function stallAmong(
  volumes: readonly string[],
  stalls: Pick<StallWatch, 'stallOf'> | undefined,
): Overdue | null {
  for (const name of volumes) {
    const quietMs = stalls?.stallOf(name) ?? null;
    if (quietMs === null) continue;
    const error = new FastsyncError({
      code: 'NOT_ANSWERING',
      exitCode: exitCodes.incomplete,
      message: `${name} has not answered for ${formatDuration(quietMs / 1000)}`,
      remedy: 'restore its storage; --io-timeout sets a limit',
    });
    return { since: Math.round(Date.now() - quietMs), error };
  }
  return null;
}
