/** What a verification remembers: its progress, the ranges to compare again, the age of every proof. */

import {
  bounded,
  clip,
  emptyExtents,
  type ExtentList,
  extentOf,
  intersect,
  subtract,
  union,
} from '../../region/index.js';
import type { Reporter } from '../../report/index.js';
import { noProofs, withProof, type ProofAges, oldestProof } from './proof-ages.js';
import type { Span } from './span.js';
import {
  mostSuspects,
  mostUnfinished,
  type Unfinished,
  type VerifyStateRecord,
  type VerifyStateFile,
} from './state-record.js';

export interface VerifyStateOptions {
  readonly file: VerifyStateFile | null;
  readonly span: Span;
  readonly deviceBytes: number;
  /** Resume where an earlier run stopped. */
  readonly resume: boolean;
  /** A volume in use is verified piece by piece, so a run is resumed even if something was written since. */
  readonly mayHaveChanged: boolean;
  /** Both sides' write counters before this run (write-counter.ts); null where not available. */
  readonly writeCounters: readonly (string | null)[];
  readonly reporter: Reporter;
}

export class VerifyState {
  readonly #options: VerifyStateOptions;
  #proofAges: ProofAges;
  /** Taken before the first of the resumed runs: what was compared then is as old as that. */
  #writeCounters: readonly (string | null)[];
  /** Everything in the span before it was compared, by this run or by those that it resumes. */
  cursorBytes: number;
  /** The ranges before the cursor that were not equal when they were last read. */
  suspects: ExtentList = emptyExtents;

  private constructor(options: VerifyStateOptions) {
    this.#options = options;
    this.#proofAges = noProofs(options.deviceBytes);
    this.#writeCounters = options.writeCounters;
    this.cursorBytes = options.span.startBytes;
  }

  /** Opens the state that earlier runs left, if any. Rejects with STATE_UNUSABLE. */
  static async open(options: VerifyStateOptions): Promise<VerifyState> {
    const verifyState = new VerifyState(options);
    const earlier = (await options.file?.load()) ?? null;
    if (earlier !== null && earlier.deviceBytes === options.deviceBytes)
      verifyState.#resume(earlier);
    return verifyState;
  }

  #resume({ proofAges, unfinished: stopped }: VerifyStateRecord): void {
    const { span, resume, mayHaveChanged, reporter } = this.#options;
    this.#proofAges = proofAges;
    const unfinished = stopped.find((one) => isSame(one, span));
    if (unfinished === undefined || !resume) return;
    const note = (message: string) => {
      reporter.report({ type: 'note', severity: 'info', code: 'RESUME', message });
    };
    if (!mayHaveChanged && !this.#isUntouched(unfinished.writeCounters)) {
      note('starting over: either side may have been written since an earlier run stopped');
      return;
    }
    note(`resuming at byte ${unfinished.cursorBytes}, where an earlier run stopped`);
    this.#writeCounters = unfinished.writeCounters;
    this.cursorBytes = unfinished.cursorBytes;
    this.suspects = Float64Array.from(unfinished.suspects);
  }

  #isUntouched(before: readonly (string | null)[]): boolean {
    return this.#options.writeCounters.every(
      (text, index) => text !== null && text === before[index],
    );
  }

  /**
   * Records the answer about `examined`: all of it is proven except `doubtful`, which will be compared
   * again.
   */
  enter(examined: ExtentList, doubtful: ExtentList, provenAt: number): void {
    this.#proofAges = withProof(this.#proofAges, subtract(examined, doubtful), provenAt);
    this.suspects = union(subtract(this.suspects, examined), intersect(doubtful, examined));
  }

  /** Records that everything before that offset was compared. */
  advance(toBytes: number, doubtful: ExtentList, provenAt: number): void {
    this.enter(extentOf(this.cursorBytes, toBytes - this.cursorBytes), doubtful, provenAt);
    this.cursorBytes = toBytes;
  }

  /**
   * Milliseconds since 1970: when the least recently proven part of the span was proven; null: a part was
   * never proven.
   */
  get oldestProof(): number | null {
    const { startBytes, stopBytes } = this.#options.span;
    return oldestProof(this.#proofAges, startBytes, stopBytes);
  }

  /** Saves the state durably. The next run over the same span resumes an unfinished one. */
  async save(isFinished: boolean): Promise<void> {
    const { file, span, deviceBytes } = this.#options;
    if (file === null) return;
    const own = {
      ...span,
      cursorBytes: this.cursorBytes,
      suspects: [...bounded(this.suspects, mostSuspects)],
      writeCounters: this.#writeCounters,
    };
    // Loaded again each time: a run over another span may have saved its progress meanwhile.
    const earlier = await file.load();
    const stopped = earlier?.deviceBytes === deviceBytes ? earlier.unfinished : [];
    const others = stopped.filter((one) => !isSame(one, span));
    const unfinished = [
      ...(isFinished ? [] : [own]),
      ...others.map((one) => withSuspects(one, this.suspects)),
    ];
    const kept = unfinished.slice(0, mostUnfinished);
    await file.save({ deviceBytes, proofAges: this.#proofAges, unfinished: kept });
  }
}

function isSame(one: Span, other: Span): boolean {
  return one.startBytes === other.startBytes && one.stopBytes === other.stopBytes;
}

/**
 * Withdraws the proofs of ranges that turned out doubtful after they were recorded. A run that resumes
 * compares them again first, like all suspects. Resolves with the time of the oldest proof left in the
 * span; null: a part has none. Rejects with STATE_UNUSABLE.
 */
export async function withdrawProofs(
  file: VerifyStateFile,
  doubts: ExtentList,
  { startBytes, stopBytes }: Span,
): Promise<number | null> {
  const state = await file.load();
  if (state === null) return null;
  const proofAges = withProof(state.proofAges, doubts, null);
  const unfinished = state.unfinished.map((one) => withSuspects(one, doubts));
  if (doubts.length > 0) {
    // No withdrawn proof may stay on disk: if the new state cannot be saved, the old one is
    // removed.
    await file.save({ ...state, proofAges, unfinished }).catch(async (error: unknown) => {
      await file.remove();
      throw error;
    });
  }
  return oldestProof(proofAges, startBytes, stopBytes);
}

/**
 * Adds the doubts before the run's cursor to its suspects. Joined suspects may cover more than the
 * doubts; that only costs time. Ranges after the cursor will be compared anyway; ranges before the span
 * belong to other runs.
 */
function withSuspects(run: Unfinished, doubts: ExtentList): Unfinished {
  const { startBytes, cursorBytes, suspects } = run;
  const examined = clip(doubts, startBytes, cursorBytes - startBytes);
  const all = union(Float64Array.from(suspects), examined);
  return { ...run, suspects: [...bounded(all, mostSuspects)] };
}
