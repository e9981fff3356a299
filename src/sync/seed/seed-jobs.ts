/** The copy and clear jobs of a seed over the targets that have not failed, and their combined result. */

import { constants } from 'node:os';
import { clear, copy, type CopyResult, type IoFailure } from '../../engine/index.js';
import { Meter, type StatusEvent } from '../../report/index.js';
import { lendAll, type Volume } from '../../volume/index.js';
import type { FreePolicy, Piece, SeedResult, SeedRun } from './seed-run.js';
import { type Watch, watchJob } from '../watch-job.js';

/** Where a job begins, and who is told what it has made durable. */
export interface JobStart extends Pick<Watch, 'onDurable'> {
  readonly startAtBytes?: number;
  /** Nothing was written there before: a new target still reads as zeroes. */
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

  /** Equal data is not rewritten, and ranges that the source cannot provide are left unchanged. */
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

  /** The targets that have not failed, with their numbers. */
  get good(): { readonly index: number; readonly volume: Volume }[] {
    return this.#run.targets.flatMap(({ volume }, index) =>
      this.#failures[index] === null ? [{ index, volume }] : [],
    );
  }

  /** Runs one copy job over the targets that have not failed. Null if there is nothing to do. */
  async copy(
    { phase, extents, from, ioOptions }: Piece,
    { startAtBytes = 0, first = false, onDurable }: JobStart = {},
  ): Promise<CopyResult | null> {
    if (this.#cancelled || extents.length === 0) return null;
    const { source, targets, options, signal } = this.#run;
    const { good } = this;
    if (good.length === 0) return null;
    const request = {
      ...(ioOptions ?? options.ioOptions),
      source: from ?? source.endpoint,
      extents,
      startAtBytes,
      compare: this.#compare,
      verify: options.verify,
      rescue: options.rescue,
      // A second copy overwrites data, so the target no longer reads as zeroes there.
      targetsAreZero: first && good.every(({ index }) => targets[index]?.isNew === true),
      flushEveryMs: options.checkpointEveryMs,
    };
    // A meter of its own: rates must not mix bytes of different lists.
    const meter = new Meter();
    const watch: Watch = {
      ...(onDurable && { onDurable }),
      signal,
      onProgress: ({ completedBytes, totalBytes, badBytes }) => {
        this.#status(meter, { phase, completedBytes, totalBytes, badBytes });
      },
    };
    const volumes = good.map(({ volume }) => volume);
    const result = await lendAll(volumes, (targets) =>
      watchJob(copy({ ...request, targets }), watch),
    );
    for (const [position, { index }] of good.entries()) {
      this.#failures[index] = result.targetFailures[position] ?? null;
    }
    this.#count(result);
    return result;
  }

  /** Clears the ranges of the targets that no copied range covers. */
  async clearFree(mode: Exclude<FreePolicy, 'skip'>): Promise<void> {
    const { targets, plan, options, signal } = this.#run;
    for (const { volume } of targets) {
      if (this.#cancelled) return;
      const request = { ...options.ioOptions, extents: plan.free, mode };
      const meter = new Meter();
      const watch: Watch = {
        signal,
        onProgress: ({ completedBytes, totalBytes }) => {
          this.#status(meter, { phase: 'clearing', completedBytes, totalBytes, badBytes: 0 });
        },
      };
      const { cancelled } = await volume.lend((target) =>
        watchJob(clear({ ...request, target }), watch),
      );
      this.#cancelled ||= cancelled;
    }
  }

  /** Fails targets whose file was deleted meanwhile: it accepts writes, but nobody can find the copy. */
  async giveUpMissing(): Promise<void> {
    for (const { index: side, volume } of this.good) {
      if (await volume.isInPlace()) continue;
      const nowhere = { offsetBytes: 0, lengthBytes: 0 };
      this.#failures[side] = { errno: constants.errno.ENOENT, syscall: 'stat', side, ...nowhere };
    }
  }

  /** The jobs' part of the result. */
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
