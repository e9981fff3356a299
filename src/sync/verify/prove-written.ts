/** The last phase of verifying volumes in use: compares again what was written since it was compared. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { CompareResult, IoOptions } from '../../engine/index.js';
import { emptyExtents, type ExtentList, intersect, subtract, union } from '../../region/index.js';
import { watchJob } from '../watch-job.js';
import type { Answers } from './answers.js';
import type { Comparator } from './comparator.js';
import type { ChangeLog } from './change-log.js';

export interface ProveRun {
  readonly comparator: Comparator;
  readonly changeLog: ChangeLog;
  readonly ioOptions: IoOptions;
  /** Selects the written ranges that are to be proven. */
  readonly concerns: (written: ExtentList) => ExtentList;
  readonly signal: AbortSignal;
  /** How long a replica may lag: a range that differs for this long without a write is different. */
  readonly lagToleranceMs: number;
}

/** Some ranges are written all the time: after this many lag tolerances they count as `changing`. */
const patience = 4;
const pauseMs = 250;
const unreadableRounds = 2;

/**
 * Compares `open`, and whatever is written meanwhile, until every range was equal after its last write,
 * or differed for `lagToleranceMs` without one. Ranges that reach neither in time are `changing`. The
 * answers cover everything in `open` and all added ranges; ranges in none of the lists are equal.
 */
export async function proveWritten(run: ProveRun, open: ExtentList): Promise<Answers> {
  const { comparator, changeLog, ioOptions, signal, lagToleranceMs } = run;
  const questions = new Questions(open, lagToleranceMs);
  const endMs = performance.now() + patience * lagToleranceMs;
  for (let round = 1; ; round++) {
    await changeLog.writtenSince();
    questions.add(run.concerns(changeLog.take()));
    const isOver = performance.now() > endMs || signal.aborted || changeLog.broken !== null;
    if (questions.open.length === 0 || isOver) return questions.answers;
    const asked = questions.open;
    const result = await watchJob(comparator.compare(asked, ioOptions), { signal });
    if (result.cancelled) return questions.answers;
    await changeLog.writtenSince();
    questions.take(asked, result, run.concerns(changeLog.take()), round);
    await sleep(pauseMs, undefined, { signal }).catch(() => null);
  }
}

/** Ranges that differ and were not written since that moment. */
interface Steady {
  readonly sinceMs: number;
  readonly ranges: ExtentList;
}

class Questions {
  readonly #lagToleranceMs: number;
  /** Ranges that were not equal at the last reading, or were written since. */
  open: ExtentList;
  #different = emptyExtents;
  #unreadable = emptyExtents;
  #steady: readonly Steady[] = [];

  constructor(open: ExtentList, lagToleranceMs: number) {
    this.open = open;
    this.#lagToleranceMs = lagToleranceMs;
  }

  /** Written ranges need a new answer. */
  add(written: ExtentList): void {
    this.#different = subtract(this.#different, written);
    this.#unreadable = subtract(this.#unreadable, written);
    this.#steady = this.#steady.map(({ sinceMs, ranges }) => ({
      sinceMs,
      ranges: subtract(ranges, written),
    }));
    this.open = union(this.open, written);
  }

  take(
    asked: ExtentList,
    { differentRanges: differing, unreadableRanges: unreadable }: CompareResult,
    written: ExtentList,
    round: number,
  ): void {
    const nowMs = performance.now();
    const unwritten = subtract(differing, written);
    const older = this.#steady.map(({ sinceMs, ranges }) => ({
      sinceMs,
      ranges: intersect(ranges, unwritten),
    }));
    const known = older.reduce((all, { ranges }) => union(all, ranges), emptyExtents);
    const steady = [...older, { sinceMs: nowMs, ranges: subtract(unwritten, known) }];
    const isOld = ({ sinceMs }: Steady) => nowMs - sinceMs >= this.#lagToleranceMs;
    for (const { ranges } of steady.filter(isOld)) {
      this.#different = union(this.#different, ranges);
    }
    this.#steady = steady.filter((one) => !isOld(one) && one.ranges.length > 0);
    if (round >= unreadableRounds) this.#unreadable = union(this.#unreadable, unreadable);
    const touched = intersect(asked, written);
    const unequal = union(union(differing, unreadable), touched);
    this.open = subtract(subtract(unequal, this.#different), this.#unreadable);
  }

  get answers(): Answers {
    const notProven = {
      unreadable: subtract(this.#unreadable, this.#different),
      changing: this.open,
      unstable: emptyExtents,
    };
    return { different: this.#different, notProven };
  }
}
