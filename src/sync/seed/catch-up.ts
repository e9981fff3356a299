/** Brings the first copy to one point in time: rounds over what was written meanwhile, then the cutover. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { IoOptions } from '../../engine/index.js';
import { FastsyncError } from '../../errors.js';
import { clip, totalBytes } from '../../region/index.js';
import { Meter, type Reporter } from '../../report/index.js';
import type { Tracker } from '../../tracker/index.js';
import type { HostVolume } from '../../volume/index.js';
import { headerBytes } from '../target-header/index.js';
import { givenUp, missed, noCutover, notConverged, unmounted } from './not-reached.js';
import type { CopyPiece, Follow, ConsistencyPoint } from './seed-run.js';
import { slice } from '../work-list.js';
import { TrackedWrites } from '../consistency/tracked-writes.js';
import { cutOver, type Cutover } from '../consistency/cutover.js';
import type { Hooks } from '../consistency/hooks.js';
import {
  decideCutover,
  expectedFreezeMs,
  likelyReading,
  type RoundReading,
} from '../consistency/freeze-budget.js';
import type { CutoverBuffer } from '../consistency/cutover-buffer.js';
import { writeBack } from '../consistency/write-back.js';

export interface OnlineOptions {
  readonly maxFreezeMs: number;
  readonly maxRounds: number;
  /** False: stop when the copy has converged and leave the targets unfinished. */
  readonly cutover: boolean;
  readonly granularityBytes: number | null;
  readonly hooks: Hooks;
}

export interface CatchUpRun {
  readonly source: HostVolume;
  readonly tracker: Tracker;
  /** Outlives this phase: the header is read from it at the end. */
  readonly buffer: CutoverBuffer;
  readonly options: OnlineOptions;
  readonly ioOptions: IoOptions;
  readonly rescue: boolean;
  /** The end of the smallest target. */
  readonly limitBytes: number;
  readonly mustNotFreeze: readonly string[];
  readonly reporter: Reporter;
  readonly signal: AbortSignal;
}

/** Figures of the cutover for the summary. */
export interface CutoverFigures {
  /** Number of rounds copied before it. */
  readonly rounds: number;
  readonly recopiedBytes: number;
  /** Bytes written after the last round: they went through the cutover buffer. */
  readonly bufferedBytes: number;
  /** Bytes read while the file system was frozen. */
  readonly frozenBytes: number;
  /** How long writers waited: during the freeze call, and during the hold after it. */
  readonly freezeCallMs: number;
  readonly heldMs: number;
  /** ISO 8601: the moment whose state the targets hold. */
  readonly consistentAt: string;
}

/** The most cutover attempts; at least one round is copied between two. */
const attempts = 3;
/** A freeze by somebody else (for a snapshot, a backup) usually ends soon. */
const busyPauseMs = 1000;
/** How many dirty bytes are read to measure the speed. */
const sampleBytes = 8 * 1024 * 1024;
/** Errors that may disappear after another round. */
const passing = new Set(['FREEZE_TIMED_OUT', 'FREEZE_LOST', 'FREEZE_BUSY', 'CUTOVER_TOO_LARGE']);

/** The last reading, or why the copy reaches no point in time. */
type Converged =
  | { readonly kind: 'converged'; readonly reading: RoundReading }
  | Extract<ConsistencyPoint, { readonly kind: 'missed' }>;

export class CatchUp implements Follow {
  readonly #run: CatchUpRun;
  readonly #writes: TrackedWrites;
  readonly #meter = new Meter();
  #rounds = 0;
  #recopiedBytes = 0;
  #figures: CutoverFigures | null = null;

  constructor(run: CatchUpRun) {
    this.#run = run;
    this.#writes = new TrackedWrites(run.tracker, run.limitBytes);
  }

  /** Null before the cutover is reached. */
  get figures(): CutoverFigures | null {
    return this.#figures;
  }

  /** Bytes written where the smallest target has no room for them. */
  get bytesBehindLimit(): number {
    return this.#writes.bytesBehindLimit;
  }

  async reach(copyPiece: CopyPiece): Promise<ConsistencyPoint> {
    for (let attempt = 1; ; attempt++) {
      try {
        const converged = await this.#converge(copyPiece);
        if (converged.kind === 'missed') return converged;
        const { reading } = converged;
        if (!this.#run.options.cutover) return missed(noCutover(reading));
        return await this.#finish(copyPiece, reading);
      } catch (error) {
        this.#run.signal.throwIfAborted();
        if (!(error instanceof FastsyncError)) throw error;
        if (error.code === 'NOT_MOUNTED') return missed(unmounted);
        if (!passing.has(error.code)) throw error;
        if (attempt === attempts)
          return missed(notConverged(`${error.message} (tried ${attempt} times)`));
        const message = `${error.message}; trying again after another round`;
        this.#run.reporter.report({ type: 'note', severity: 'warning', code: error.code, message });
        if (error.code === 'FREEZE_BUSY')
          await sleep(busyPauseMs, null, { signal: this.#run.signal });
        // The freeze may have flushed more data; copy it before the next attempt.
        await this.#copyDirty(copyPiece);
      }
    }
  }

  /** Copies rounds of what was written until little enough is left. */
  async #converge(copyPiece: CopyPiece): Promise<Converged> {
    const { options, buffer, source, signal } = this.#run;
    const readings: RoundReading[] = [];
    for (;;) {
      signal.throwIfAborted();
      await writeBack(source.identity, signal);
      const { bytesPerSecond: dirtyRate } = await this.#writes.drain();
      const reading = await this.#measure();
      readings.push(reading);
      this.#status(reading, dirtyRate);
      const bufferBytes = (await buffer.capacityBytes()) - headerBytes;
      const decision = decideCutover(readings, { ...options, bufferBytes });
      if (decision === 'cutover')
        return { kind: 'converged', reading: likelyReading(readings) ?? reading };
      if (decision === 'give up') return missed(givenUp(readings, dirtyRate, bufferBytes));
      await this.#copyDirty(copyPiece);
    }
  }

  /** Reads a sample of the dirty ranges as the cutover would, and measures the time. */
  async #measure(): Promise<RoundReading> {
    const { buffer, source } = this.#run;
    const { dirtySet } = this.#writes;
    const dirtyBytes = dirtySet.bytes;
    const sample = slice(dirtySet.extents, 0, sampleBytes);
    if (sample.length === 0) return { dirtyBytes, bytesPerSecond: Infinity };
    const startedMs = performance.now();
    await buffer.fill(source.endpoint, sample, this.#run);
    const seconds = (performance.now() - startedMs) / 1000;
    return { dirtyBytes, bytesPerSecond: totalBytes(sample) / Math.max(seconds, 1e-6) };
  }

  async #copyDirty(copyPiece: CopyPiece): Promise<void> {
    this.#rounds++;
    // The header is copied at the very end.
    const { limitBytes } = this.#run;
    const dirty = this.#writes.dirtySet.take();
    const extents = clip(dirty, headerBytes, Math.max(0, limitBytes - headerBytes));
    const result = await copyPiece({ phase: `round ${this.#rounds}`, extents });
    this.#recopiedBytes += result?.progress.completedBytes ?? 0;
  }

  async #finish(copyPiece: CopyPiece, reading: RoundReading): Promise<ConsistencyPoint> {
    const { options, buffer, limitBytes } = this.#run;
    const { bytesPerSecond } = reading;
    const cutover = await cutOver({
      ...this.#run,
      ...options,
      writes: this.#writes,
      bytesPerSecond,
    });
    this.#figures = this.#figuresOf(cutover);
    const { extents, badRanges } = cutover;
    const body = clip(extents, headerBytes, Math.max(0, limitBytes - headerBytes));
    await copyPiece({
      phase: 'cutover',
      extents: body,
      from: buffer.endpoint,
      unreadable: badRanges,
    });
    return { kind: 'reached', headerFrom: buffer.endpoint };
  }

  #figuresOf({ frozenBytes, freezeCallMs, heldMs, consistentAt }: Cutover): CutoverFigures {
    return {
      rounds: this.#rounds,
      recopiedBytes: this.#recopiedBytes,
      // The ranges in the cutover buffer stay in the dirty set.
      bufferedBytes: this.#writes.dirtySet.bytes,
      frozenBytes,
      freezeCallMs,
      heldMs,
      consistentAt,
    };
  }

  #status(reading: RoundReading, dirtyBytesPerSecond: number): void {
    const { source, reporter } = this.#run;
    const { dirtyBytes } = reading;
    const round = this.#rounds + 1;
    const event = this.#meter.sample(performance.now(), {
      phase: `round ${round}`,
      completedBytes: 0,
      totalBytes: dirtyBytes,
      badBytes: 0,
      skippedBytes: Math.max(0, source.identity.sizeBytes - dirtyBytes),
    });
    const freezeMs = Math.ceil(expectedFreezeMs(reading));
    reporter.report({
      ...event,
      round,
      dirtyBytes,
      dirtyBytesPerSecond,
      expectedFreezeMs: freezeMs,
    });
  }
}
