/** The messages of a replica. */

import type { FastsyncError } from '../../errors.js';
import { Meter, type Reporter } from '../../report/index.js';
import type { Watch } from '../watch-job.js';

export type OnProgress = NonNullable<Watch['onProgress']>;

export interface EpochFigures {
  readonly epoch: number;
  readonly bytes: number;
  /** How long writers waited for it; null where that was in an earlier run. */
  readonly heldMs: number | null;
  readonly consistentAt: string;
}

export class ReplicaNotes {
  readonly #name: string;
  readonly #reporter: Reporter;

  constructor(name: string, reporter: Reporter) {
    this.#name = name;
    this.#reporter = reporter;
  }

  inform(message: string): void {
    this.#note('info', 'LIVE', message);
  }

  warn(message: string): void {
    this.#note('warning', 'LIVE_TROUBLE', message);
  }

  /** Reports a failure, and when it is retried. */
  retry(error: unknown, inMs: number): void {
    const { message, remedy } = error as Partial<FastsyncError>;
    const advice = remedy === undefined ? '' : ` (${remedy})`;
    this.warn(`${message ?? String(error)}${advice}; trying again in ${inMs / 1000} s`);
  }

  /** Reports old signatures that were wiped. */
  wiped(signatures: readonly string[]): void {
    for (const what of signatures) this.inform(`wiped old signatures: ${what}`);
  }

  epoch(figures: EpochFigures): void {
    this.#reporter.report({ type: 'epoch', target: this.#name, ...figures });
  }

  /** Progress of a single job: rates must not mix bytes of different lists. */
  progress(phase: string): OnProgress {
    const meter = new Meter();
    return ({ completedBytes, totalBytes, badBytes }) => {
      const reading = { phase, completedBytes, totalBytes, badBytes, skippedBytes: 0 };
      this.#reporter.report(meter.sample(performance.now(), reading));
    };
  }

  #note(severity: 'info' | 'warning', code: string, message: string): void {
    this.#reporter.report({ type: 'note', severity, code, message: `${this.#name}: ${message}` });
  }
}
