/**
 * Reads a difference again before it is reported. A range that differs in two readings, with no write in
 * between, is different. A range written meanwhile is read again, until two readings agree or the rounds
 * are used up: then it is not proven.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import type { CompareResult, IoOptions } from '../../engine/index.js';
import { emptyExtents, type ExtentList, intersect, subtract, union } from '../../region/index.js';
import { watchJob } from '../watch-job.js';
import type { Answers } from './answers.js';
import type { Comparator } from './comparator.js';
import type { WriteDetector } from './write-detector.js';

const rounds = 6;
/**
 * Where writes are not counted, a range that differs in this many readings over more than a second is
 * different.
 */
const undetectedRounds = 3;
/** Reading the same sectors of a failing disk again and again makes it worse. */
const unreadableRounds = 2;
const pauseMs = 100;

/** The result of the first reading, and the ranges that may have been written since before it began. */
export interface FirstReading {
  readonly result: CompareResult;
  readonly written: ExtentList | 'unknown';
}

/** Reads again what did not compare equal. When aborted, ends early with `changing` ranges. */
export async function recheck(
  comparator: Comparator,
  detector: WriteDetector,
  first: FirstReading,
  { ioOptions, signal }: { readonly ioOptions: IoOptions; readonly signal: AbortSignal },
): Promise<Answers> {
  const reReading = new ReReading(first);
  for (let round = 1; round <= rounds && !signal.aborted; round++) {
    const asked = reReading.questions(round);
    if (asked.length === 0) break;
    // Also before the first: this gives a replica that lags slightly the time to catch up.
    await sleep(pauseMs * 2 ** round, undefined, { signal }).catch(() => null);
    const result = await watchJob(comparator.compare(asked, ioOptions), { signal });
    if (result.cancelled) break;
    reReading.take(round, asked, result, await detector.writtenSince());
  }
  return reReading.answers;
}

/** The ranges without an answer yet, and the answers for the others. */
class ReReading {
  /** Ranges that differed in the last reading and have no answer yet. */
  #pending: ExtentList;
  #unreadable: ExtentList;
  #different = emptyExtents;
  #unstable = emptyExtents;
  /** The writes around the last reading. */
  #written: ExtentList | 'unknown';

  constructor({ result, written }: FirstReading) {
    this.#pending = result.differentRanges;
    this.#unreadable = result.unreadableRanges;
    this.#written = written;
  }

  /** The ranges to read in this round. */
  questions(round: number): ExtentList {
    return round <= unreadableRounds ? union(this.#pending, this.#unreadable) : this.#pending;
  }

  take(
    round: number,
    asked: ExtentList,
    { differentRanges: differing, unreadableRanges: unreadable }: CompareResult,
    since: ExtentList | 'unknown',
  ): void {
    const differedTwice = intersect(differing, this.#pending);
    const equalNow = subtract(subtract(this.#pending, differing), unreadable);
    if (since === 'unknown' || this.#written === 'unknown') {
      if (round >= undetectedRounds) this.#different = union(this.#different, differedTwice);
    } else {
      // Writes around the previous reading count as well: it may have seen the range before, during
      // or after them.
      const touched = union(this.#written, since);
      this.#different = union(this.#different, subtract(differedTwice, touched));
      this.#unstable = union(this.#unstable, subtract(equalNow, touched));
    }
    // A range whose readings disagree stays unstable even if they agree once.
    this.#pending = subtract(subtract(differing, this.#different), this.#unstable);
    this.#unreadable = union(subtract(this.#unreadable, asked), unreadable);
    this.#written = since;
  }

  get answers(): Answers {
    const notProven = {
      unreadable: this.#unreadable,
      changing: this.#pending,
      unstable: subtract(this.#unstable, union(this.#different, this.#unreadable)),
    };
    return { different: this.#different, notProven };
  }
}
