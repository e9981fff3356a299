/** Verifying: every range of the work list gets one of three answers, and the run can stop and go on anywhere. */

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
import { afterwards, forgiving } from '../unsaved.js';
import { watchJob } from '../watch-job.js';
import { type Answers, allEqual, doubtful, merged } from './answers.js';
import { VerifyState } from './verify-state.js';
import { type SplitLimits, pieceFrom, offsetAt } from './split-limits.js';
import { Gauge } from './gauge.js';
import type { Comparator } from './comparator.js';
import { settle } from './recheck.js';
import type { Span } from './span.js';
import type { VerifyStateFile } from './state-record.js';
import type { WriteDetector } from './write-detector.js';

export interface VerifyOptions {
  readonly ioOptions: IoOptions;
  /** Go on where an earlier run stopped. */
  readonly resume: boolean;
  /** Stop in good order after so long, and go on there next time, whatever was written meanwhile. */
  readonly maxMs: number | null;
}

export interface VerifyRun {
  readonly comparator: Comparator;
  readonly detector: WriteDetector;
  /** What is to be compared within the span, ascending. */
  readonly workList: ExtentList;
  readonly span: Span;
  readonly deviceBytes: number;
  /** Both sides' write counters before the run: whether an interrupted one may be gone on with. */
  readonly counterText: readonly (string | null)[];
  readonly state: VerifyStateFile | null;
  readonly options: VerifyOptions;
  readonly reporter: Reporter;
  readonly signal: AbortSignal;
}

export interface VerifyResult extends Answers {
  readonly interrupted: boolean;
  /** Where the time was up, in bytes of the volume; null: the span was gone through to its end. */
  readonly stoppedAtBytes: number | null;
  /** All before it was compared, in this run or in those that it went on with. */
  readonly reachedBytes: number;
  /** Where an earlier run had stopped; the beginning of the span if there was none. */
  readonly resumedAtBytes: number;
  readonly comparedBytes: number;
  /** Somebody wrote to either side during the run; null where the system keeps no account. */
  readonly writtenDuringRun: boolean | null;
  /** Milliseconds since 1970: no part of the span was last proven before; null: a part never was. */
  readonly oldestProof: number | null;
  readonly backend: CompareResult['backend'];
}

/** A piece of work between two saves of the state takes about this long. */
const pieceSeconds = 4;
const leastPieceBytes = 4 * 1024 * 1024;
const firstPieceBytes = 64 * 1024 * 1024;
const mostPieceBytes = 64 * 1024 * 1024 * 1024;

/** Compares the work list. Rejects with EngineError where a disk is gone, and with STATE_UNUSABLE. */
export async function verify(run: VerifyRun): Promise<VerifyResult> {
  const { span, deviceBytes, counterText, options, reporter } = run;
  const verifyState = await VerifyState.open({
    file: run.state,
    span,
    deviceBytes,
    resume: options.resume,
    mayHaveChanged: options.maxMs !== null,
    counterText,
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
  /** Suspects of earlier runs that this one has no answer on. */
  #unasked = emptyExtents;
  #comparedBytes = 0;
  #backend: CompareResult['backend'] = 'threads';
  #written: boolean | null = false;
  #pieceBytes: number;
  readonly #forgiving: ReturnType<typeof forgiving>;

  constructor(run: VerifyRun, verifyState: VerifyState) {
    this.#run = run;
    this.#verifyState = verifyState;
    this.#forgiving = forgiving(run.reporter, 'this run goes on, the next will not know of it');
    this.#splitLimits = { cutBytes: run.comparator.cutBytes, endBytes: run.span.stopBytes };
    this.#detector = { writtenSince: () => this.#askDetector() };
    const { bytesPerSecond = 0 } = run.options.ioOptions;
    const limitBytes = bytesPerSecond === 0 ? Infinity : bytesPerSecond * pieceSeconds;
    this.#pieceBytes = Math.min(firstPieceBytes, Math.max(leastPieceBytes, limitBytes));
  }

  async run(): Promise<VerifyResult> {
    const { workList, options, signal } = this.#run;
    const verifyState = this.#verifyState;
    const deadline = after(options.maxMs);
    const resumedAtBytes = verifyState.cursorBytes;
    // What an earlier run left in doubt comes first, but must not keep the run from moving on.
    this.#unasked = clip(intersect(verifyState.suspects, workList), 0, resumedAtBytes);
    const isLittle = totalBytes(this.#unasked) <= firstPieceBytes;
    try {
      await this.#lookAgain(after(isLittle || options.maxMs === null ? null : options.maxMs / 2));
      await this.#goThrough(deadline);
      await this.#lookAgain(deadline);
    } catch (error) {
      // A difference that was found is told, whatever else has failed since.
      if (this.#answers.different.length === 0) throw error;
      await afterwards(() => Promise.reject(error as Error), undefined, this.#run);
    }
    return {
      ...this.#answers,
      interrupted: signal.aborted,
      stoppedAtBytes: this.#isThrough
        ? null
        : Math.min(verifyState.cursorBytes, this.#unasked[0] ?? Infinity),
      reachedBytes: verifyState.cursorBytes,
      resumedAtBytes,
      comparedBytes: this.#comparedBytes,
      writtenDuringRun: this.#written,
      oldestProof: verifyState.oldestProof,
      backend: this.#backend,
    };
  }

  /** Goes through the span from the cursor on, piece by piece, as far as the time allows. */
  async #goThrough(deadline: AbortSignal): Promise<void> {
    const { span, workList, signal } = this.#run;
    const verifyState = this.#verifyState;
    const gauge = this.#gauge('comparing', workList);
    while (verifyState.cursorBytes < span.stopBytes && !signal.aborted && !deadline.aborted) {
      const start = verifyState.cursorBytes;
      const end = pieceFrom(workList, start, this.#pieceBytes, this.#splitLimits);
      const part = clip(workList, start, end - start);
      gauge.begin(totalBytes(clip(workList, 0, start)), this.#answers);
      const startedAt = Date.now();
      const found = await this.#examine(part, gauge, deadline);
      if (found === null) return;
      const reached = Math.min(end, Math.max(start, found.reachedBytes));
      verifyState.advance(reached, doubtful(found.answers), startedAt);
      await this.#forgiving(() => this.#verifyState.save(this.#isThrough));
    }
  }

  get #isThrough(): boolean {
    return this.#verifyState.cursorBytes >= this.#run.span.stopBytes && this.#unasked.length === 0;
  }

  /** Looks again at what earlier runs left in doubt, as far as the time allows. */
  async #lookAgain(deadline: AbortSignal): Promise<void> {
    const suspects = this.#unasked;
    if (suspects.length === 0 || deadline.aborted || this.#run.signal.aborted) return;
    const gauge = this.#gauge('looking again', suspects);
    gauge.begin(0, this.#answers);
    const startedAt = Date.now();
    const found = await this.#examine(suspects, gauge, deadline);
    if (found === null) return;
    const examined = clip(suspects, 0, found.reachedBytes);
    this.#unasked = subtract(suspects, examined);
    this.#verifyState.enter(examined, doubtful(found.answers), startedAt);
    await this.#forgiving(() => this.#verifyState.save(this.#isThrough));
  }

  /**
   * Compares a list, and what is not equal again. Null when told to stop; else the place up to which
   * the list was gone through, which is not its end where the time was up.
   */
  async #examine(
    part: ExtentList,
    gauge: Gauge,
    deadline: AbortSignal,
  ): Promise<{ readonly answers: Answers; readonly reachedBytes: number } | null> {
    const { comparator, options, signal } = this.#run;
    const startedMs = performance.now();
    const result = await watchJob(comparator.compare(part, options.ioOptions), {
      signal: AbortSignal.any([signal, deadline]),
      onProgress: (progress) => {
        gauge.show(progress);
      },
    });
    this.#adapt(result.progress.completedBytes, (performance.now() - startedMs) / 1000);
    this.#backend = result.backend;
    // A job that was stopped has compared a prefix; what it saw behind that is seen again next time.
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
    // Not the deadline's: what was found within the time is worth an answer.
    const answers = await settle(
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

  /** A piece long enough that its start does not count, short enough that little is lost with it. */
  #adapt(bytes: number, seconds: number): void {
    if (seconds <= 0 || bytes === 0) return;
    const wanted = Math.round((bytes / seconds) * pieceSeconds);
    const most = Math.min(mostPieceBytes, 8 * this.#pieceBytes);
    this.#pieceBytes = Math.min(most, Math.max(leastPieceBytes, wanted));
  }

  /** Whoever asks, the run remembers that somebody wrote. */
  async #askDetector(): Promise<ExtentList | 'unknown'> {
    const written = await this.#run.detector.writtenSince();
    if (written === 'unknown') this.#written = this.#written === true ? true : null;
    else if (written.length > 0) this.#written = true;
    return written;
  }

  #gauge(phase: string, list: ExtentList): Gauge {
    const { span, workList, reporter } = this.#run;
    const skippedBytes = span.stopBytes - span.startBytes - totalBytes(workList);
    return new Gauge({ phase, totalBytes: totalBytes(list), skippedBytes, reporter });
  }
}

/** A signal that comes after so long; never, if there is no limit. */
function after(ms: number | null): AbortSignal {
  return ms === null ? new AbortController().signal : AbortSignal.timeout(Math.ceil(ms));
}
