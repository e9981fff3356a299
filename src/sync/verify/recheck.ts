/**
 * A difference is read again before it is reported. What differs in two readings, with no write to it in
 * between, is different. What was written meanwhile is read again, until two readings agree or the rounds
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
/** Where writes are not counted, what differs in so many readings over more than a second is different. */
const undetectedRounds = 3;
/** Reading the same sectors of a dying disk again and again makes it worse. */
const unreadableRounds = 2;
const pauseMs = 100;

/** What the first reading found, and what may have been written since before it began. */
export interface FirstReading {
  readonly result: CompareResult;
  readonly written: ExtentList | 'unknown';
}

/** Reads again all that did not compare equal. Ends early, with `changing` ranges, when aborted. */
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
    // Also before the first: a replica that is only a moment behind has that moment to catch up.
    await sleep(pauseMs * 2 ** round, undefined, { signal }).catch(() => null);
    const result = await watchJob(comparator.compare(asked, ioOptions), { signal });
    if (result.cancelled) break;
    reReading.take(round, asked, result, await detector.writtenSince());
  }
  return reReading.answers;
}

/** The ranges without an answer yet, and the answers on the others. */
class ReReading {
  /** Differed in the last reading; no answer yet. */
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

  /** What to read in this round. */
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
      // Writes around the reading before count as well: it saw the range before, after or amid them.
      const touched = union(this.#written, since);
      this.#different = union(this.#different, subtract(differedTwice, touched));
      this.#unstable = union(this.#unstable, subtract(equalNow, touched));
    }
    // What disagrees with itself does not become right by agreeing once.
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
