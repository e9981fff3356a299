/** The copy and clear jobs of a seed, over the targets that are still good, and what they add up to. */

import { constants } from 'node:os';
import { clear, copy, type CopyResult, type IoFailure } from '../../engine/index.js';
import { Meter, type StatusEvent } from '../../report/index.js';
import type { Volume } from '../../volume/index.js';
import type { FreePolicy, Piece, SeedResult, SeedRun } from './seed-run.js';
import { type Watch, watchJob } from '../watch-job.js';

/** Where a job begins, and who hears how far it is durable. */
export interface JobStart extends Pick<Watch, 'onDurable'> {
  readonly startAtBytes?: number;
  /** Nobody has written there before: a new target still reads as zeroes. */
  readonly first?: boolean;
}

export class SeedJobs {
  readonly #run: SeedRun;
  readonly #compare: boolean;
  readonly #failures: (IoFailure | null)[];
  readonly #sums = { read: 0, written: 0, zero: 0, identical: 0, verified: 0 };
  #backend: 'uring' | 'threads' = 'threads';
  #cancelled = false;

  constructor(run: SeedRun, compare: boolean) {
    this.#run = run;
    this.#compare = compare;
    this.#failures = run.targets.map(() => null);
  }

  /** What is equal is not written, and what the source cannot give is left as it is. */
  get compares(): boolean {
    return this.#compare;
  }

  get cancelled(): boolean {
    return this.#cancelled;
  }

  cancel(): void {
    this.#cancelled = true;
  }

  get someFailed(): boolean {
    return this.#failures.some((failure) => failure !== null);
  }

  /** The targets that were not given up, each with its number. */
  get good(): { readonly index: number; readonly volume: Volume }[] {
    return this.#run.targets.flatMap(({ volume }, index) =>
      this.#failures[index] === null ? [{ index, volume }] : [],
    );
  }

  /** Runs one copy job over the targets that are still good. Null if there is nothing to do. */
  async copy(
    { phase, extents, from, ioOptions }: Piece,
    { startAtBytes = 0, first = false, onDurable }: JobStart = {},
  ): Promise<CopyResult | null> {
    if (this.#cancelled || extents.length === 0) return null;
    const { source, targets, options, signal } = this.#run;
    const { good } = this;
    if (good.length === 0) return null;
    const job = copy({
      ...(ioOptions ?? options.ioOptions),
      source: from ?? source.endpoint,
      targets: good.map(({ volume }) => volume.endpoint),
      extents,
      startAtBytes,
      compare: this.#compare,
      verify: options.verify,
      rescue: options.rescue,
      // What is copied again, or from elsewhere, goes over what was copied before.
      targetsAreZero: first && good.every(({ index }) => targets[index]?.isNew === true),
      flushEveryMs: options.checkpointEveryMs,
    });
    // Its own: bytes of different lists make no rate.
    const meter = new Meter();
    const result = await watchJob(job, {
      ...(onDurable && { onDurable }),
      signal,
      onProgress: ({ completedBytes, totalBytes, badBytes }) => {
        this.#status(meter, { phase, completedBytes, totalBytes, badBytes });
      },
    });
    for (const [position, { index }] of good.entries()) {
      this.#failures[index] = result.targetFailures[position] ?? null;
    }
    this.#count(result);
    return result;
  }

  /** Clears what of the targets no copied range covers. */
  async clearFree(mode: Exclude<FreePolicy, 'skip'>): Promise<void> {
    const { targets, plan, options, signal } = this.#run;
    for (const { volume } of targets) {
      if (this.#cancelled) return;
      const job = clear({
        ...options.ioOptions,
        target: volume.endpoint,
        extents: plan.free,
        mode,
      });
      const meter = new Meter();
      const { cancelled } = await watchJob(job, {
        signal,
        onProgress: ({ completedBytes, totalBytes }) => {
          this.#status(meter, { phase: 'clearing', completedBytes, totalBytes, badBytes: 0 });
        },
      });
      this.#cancelled ||= cancelled;
    }
  }

  /** A file that was deleted meanwhile takes every write, and is nobody's copy. */
  async giveUpMissing(): Promise<void> {
    for (const { index: side, volume } of this.good) {
      if (await volume.isInPlace()) continue;
      const nowhere = { offsetBytes: 0, lengthBytes: 0 };
      this.#failures[side] = { errno: constants.errno.ENOENT, syscall: 'stat', side, ...nowhere };
    }
  }

  /** Their part of the answer. */
  get result() {
    const { read, written, zero, identical, verified } = this.#sums;
    return {
      interrupted: this.#cancelled,
      readBytes: read,
      writtenBytes: written,
      zeroBytes: zero,
      identicalBytes: identical,
      verifiedBytes: verified,
      targetFailures: this.#failures,
      backend: this.#backend,
    } satisfies Partial<SeedResult>;
  }

  #count({ progress, backend, cancelled }: CopyResult): void {
    this.#sums.read += progress.readBytes;
    this.#sums.written += progress.writtenBytes;
    this.#sums.zero += progress.zeroBytes;
    this.#sums.identical += progress.identicalBytes;
    this.#sums.verified += progress.verifiedBytes;
    this.#backend = backend;
    this.#cancelled ||= cancelled;
  }

  #status(
    meter: Meter,
    reading: Pick<StatusEvent, 'phase' | 'completedBytes' | 'totalBytes' | 'badBytes'>,
  ): void {
    const skippedBytes = this.#run.plan.freeBytes;
    this.#run.reporter.report(meter.sample(performance.now(), { ...reading, skippedBytes }));
  }
}
