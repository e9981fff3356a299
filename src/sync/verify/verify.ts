/** Verifies a work list: every range gets one of three answers. A run can stop and resume anywhere. */

import type { CompareResult, IoOptions } from '../../engine/index.js';
import {
  clip,
  emptyExtents,
  type ExtentList,
  intersect,
  subtract,
  totalBytes,
} from '../../region/index.js';
import type { Reporter } from '../../report/index.js';
import { orReport, warnOnce } from '../nonfatal.js';
import { watchJob } from '../watch-job.js';
import { type Answers, allEqual, doubtful, merged } from './answers.js';
import { VerifyState } from './verify-state.js';
import { firstPieceBytes, PieceSize } from './piece-size.js';
import { type SplitLimits, pieceFrom, offsetAt } from './split-limits.js';
import { VerifyProgress } from './verify-progress.js';
import type { Comparator } from './comparator.js';
import { recheck } from './recheck.js';
import type { Span } from './span.js';
import type { VerifyStateFile } from './state-record.js';
import type { WriteDetector } from './write-detector.js';

export interface VerifyOptions {
  readonly ioOptions: IoOptions;
  /** Resume where an earlier run stopped. */
  readonly resume: boolean;
  /** Stop after this time; the next run resumes there, even if something was written meanwhile. */
  readonly maxMs: number | null;
}

export interface VerifyRun {
  readonly comparator: Comparator;
  readonly detector: WriteDetector;
  /** The ranges to compare within the span, in ascending order. */
  readonly workList: ExtentList;
  readonly span: Span;
  readonly deviceBytes: number;
  /** Both sides' write counters before the run: they tell whether an interrupted run may be resumed. */
  readonly writeCounters: readonly (string | null)[];
  readonly state: VerifyStateFile | null;
  readonly options: VerifyOptions;
  readonly reporter: Reporter;
  readonly signal: AbortSignal;
}

export interface VerifyResult extends Answers {
  readonly interrupted: boolean;
  /** Where the time limit was reached, in bytes of the volume; null: the whole span was compared. */
  readonly stoppedAtBytes: number | null;
  /** Everything before it was compared, by this run or by those that it resumed. */
  readonly reachedBytes: number;
  /** Where an earlier run had stopped; the start of the span if there was none. */
  readonly resumedAtBytes: number;
  readonly comparedBytes: number;
  /** Whether either side was written during the run; null where the kernel does not count writes. */
  readonly writtenDuringRun: boolean | null;
  /**
   * Milliseconds since 1970: when the least recently proven part of the span was proven; null: a part was
   * never proven.
   */
  readonly oldestProof: number | null;
  readonly backend: CompareResult['backend'];
}

/** Compares the work list. Rejects with EngineError where a disk is gone, and with STATE_UNUSABLE. */
export async function verify(run: VerifyRun): Promise<VerifyResult> {
  const { span, deviceBytes, writeCounters, options, reporter } = run;
  const verifyState = await VerifyState.open({
    file: run.state,
    span,
    deviceBytes,
    resume: options.resume,
    mayHaveChanged: options.maxMs !== null,
    writeCounters,
    reporter,
  });
  return new Pass(run, verifyState).run();
}

class Pass {
  readonly #run: VerifyRun;
  readonly #verifyState: VerifyState;
  readonly #detector: WriteDetector;
  readonly #splitLimits: SplitLimits;
  #answers: Answers = allEqual;
  /** Suspects of earlier runs that this run has not compared yet. */
  #openSuspects = emptyExtents;
  #comparedBytes = 0;
  #backend: CompareResult['backend'] = 'threads';
  #written: boolean | null = false;
  readonly #pieceSize: PieceSize;
  readonly #trySave: ReturnType<typeof warnOnce>;

  constructor(run: VerifyRun, verifyState: VerifyState) {
    this.#run = run;
    this.#verifyState = verifyState;
    this.#trySave = warnOnce(run.reporter, 'this run continues, but the next one cannot resume it');
    this.#splitLimits = { cutBytes: run.comparator.cutBytes, endBytes: run.span.stopBytes };
    this.#detector = { writtenSince: () => this.#writtenSince() };
    this.#pieceSize = new PieceSize(run.options.ioOptions);
  }

  async run(): Promise<VerifyResult> {
    const { workList, options, signal } = this.#run;
    const verifyState = this.#verifyState;
    const deadline = after(options.maxMs);
    const resumedAtBytes = verifyState.cursorBytes;
    // The suspects of earlier runs come first, but must not use up the time.
    this.#openSuspects = clip(intersect(verifyState.suspects, workList), 0, resumedAtBytes);
    const isLittle = totalBytes(this.#openSuspects) <= firstPieceBytes;
    try {
      await this.#compareSuspects(
        after(isLittle || options.maxMs === null ? null : options.maxMs / 2),
      );
      await this.#compareSpan(deadline);
      await this.#compareSuspects(deadline);
    } catch (error) {
      // Differences found before a failure are still reported.
      if (this.#answers.different.length === 0) throw error;
      await orReport(() => Promise.reject(error as Error), undefined, this.#run);
    }
    return {
      ...this.#answers,
      interrupted: signal.aborted,
      stoppedAtBytes: this.#isComplete
        ? null
        : Math.min(verifyState.cursorBytes, this.#openSuspects[0] ?? Infinity),
      reachedBytes: verifyState.cursorBytes,
      resumedAtBytes,
      comparedBytes: this.#comparedBytes,
      writtenDuringRun: this.#written,
      oldestProof: verifyState.oldestProof,
      backend: this.#backend,
    };
  }

  /** Compares the span from the cursor on, piece by piece, as far as time allows. */
  async #compareSpan(deadline: AbortSignal): Promise<void> {
    const { span, workList, signal } = this.#run;
    const verifyState = this.#verifyState;
    const progress = this.#progressOf('comparing', workList);
    while (verifyState.cursorBytes < span.stopBytes && !signal.aborted && !deadline.aborted) {
      const start = verifyState.cursorBytes;
      const end = pieceFrom(workList, start, this.#pieceSize.bytes, this.#splitLimits);
      const part = clip(workList, start, end - start);
      progress.begin(totalBytes(clip(workList, 0, start)), this.#answers);
      const startedAt = Date.now();
      const found = await this.#examine(part, progress, deadline);
      if (found === null) return;
      const reached = Math.min(end, Math.max(start, found.reachedBytes));
      verifyState.advance(reached, doubtful(found.answers), startedAt);
      await this.#trySave(() => this.#verifyState.save(this.#isComplete));
    }
  }

  get #isComplete(): boolean {
    return (
      this.#verifyState.cursorBytes >= this.#run.span.stopBytes && this.#openSuspects.length === 0
    );
  }

  /** Compares the suspects of earlier runs again, as far as time allows. */
  async #compareSuspects(deadline: AbortSignal): Promise<void> {
    const suspects = this.#openSuspects;
    if (suspects.length === 0 || deadline.aborted || this.#run.signal.aborted) return;
    const progress = this.#progressOf('rechecking suspects', suspects);
    progress.begin(0, this.#answers);
    const startedAt = Date.now();
    const found = await this.#examine(suspects, progress, deadline);
    if (found === null) return;
    const examined = clip(suspects, 0, found.reachedBytes);
    this.#openSuspects = subtract(suspects, examined);
    this.#verifyState.enter(examined, doubtful(found.answers), startedAt);
    await this.#trySave(() => this.#verifyState.save(this.#isComplete));
  }

  /**
   * Compares a list and rechecks what is not equal. Resolves with null when told to stop; else with the
   * answers and where the comparison ended: before the end of the list if the time was up.
   */
  async #examine(
    part: ExtentList,
    shown: VerifyProgress,
    deadline: AbortSignal,
  ): Promise<{ readonly answers: Answers; readonly reachedBytes: number } | null> {
    const { comparator, options, signal } = this.#run;
    const startedMs = performance.now();
    const result = await watchJob(comparator.compare(part, options.ioOptions), {
      signal: AbortSignal.any([signal, deadline]),
      onProgress: (progress) => {
        shown.show(progress);
      },
    });
    this.#pieceSize.adapt(result.progress.completedBytes, (performance.now() - startedMs) / 1000);
    this.#backend = result.backend;
    // A stopped job has compared a prefix. What it saw after that is compared again next time.
    const reachedBytes = result.cancelled
      ? offsetAt(part, result.progress.durableBytes, this.#splitLimits.cutBytes)
      : Infinity;
    const within = (list: ExtentList) =>
      reachedBytes === Infinity ? list : clip(list, 0, reachedBytes);
    const first = {
      ...result,
      differentRanges: within(result.differentRanges),
      unreadableRanges: within(result.unreadableRanges),
    };
    const written = await this.#detector.writtenSince();
    // Without the deadline, so that differences found in time still get an answer.
    const answers = await recheck(
      comparator,
      this.#detector,
      { result: first, written },
      { ioOptions: options.ioOptions, signal },
    );
    if (signal.aborted) return null;
    this.#answers = merged(this.#answers, answers);
    this.#comparedBytes += totalBytes(within(part));
    return { answers, reachedBytes };
  }

  /** Remembers for the result whether anybody wrote. */
  async #writtenSince(): Promise<ExtentList | 'unknown'> {
    const written = await this.#run.detector.writtenSince();
    if (written === 'unknown') this.#written = this.#written === true ? true : null;
    else if (written.length > 0) this.#written = true;
    return written;
  }

  #progressOf(phase: string, list: ExtentList): VerifyProgress {
    const { span, workList, reporter } = this.#run;
    const skippedBytes = span.stopBytes - span.startBytes - totalBytes(workList);
    return new VerifyProgress({ phase, totalBytes: totalBytes(list), skippedBytes, reporter });
  }
}

/** A signal that fires after that time; never, if there is no limit. */
function after(ms: number | null): AbortSignal {
  return ms === null ? new AbortController().signal : AbortSignal.timeout(Math.ceil(ms));
}
