/** Progress of a verification, in the bytes of one list of ranges. */

import type { Progress } from '../../engine/index.js';
import { totalBytes } from '../../region/index.js';
import { Meter, type Reporter } from '../../report/index.js';
import type { Answers } from './answers.js';

export interface VerifyProgressOptions {
  readonly phase: string;
  readonly totalBytes: number;
  readonly skippedBytes: number;
  readonly reporter: Reporter;
}

export class VerifyProgress {
  readonly #options: VerifyProgressOptions;
  readonly #meter = new Meter();
  #doneBytes = 0;
  #badBytes = 0;
  #differentBytes = 0;

  constructor(options: VerifyProgressOptions) {
    this.#options = options;
  }

  /** Starts a job after `doneBytes` bytes of the list, with the answers found before. */
  begin(doneBytes: number, answers: Answers): void {
    this.#doneBytes = doneBytes;
    this.#badBytes = totalBytes(answers.notProven.unreadable);
    this.#differentBytes = totalBytes(answers.different);
  }

  /** Reports how far the job is. */
  show({ completedBytes, badBytes, differentBytes }: Progress): void {
    const { phase, totalBytes: allBytes, skippedBytes, reporter } = this.#options;
    const reading = {
      phase,
      completedBytes: Math.min(allBytes, this.#doneBytes + completedBytes),
      totalBytes: allBytes,
      badBytes: this.#badBytes + badBytes,
      differentBytes: this.#differentBytes + differentBytes,
      skippedBytes,
    };
    reporter.report(this.#meter.sample(performance.now(), reading));
  }
}
