/** Seeding: makes each target hold what the source's file system uses, and nothing less. */

import {
  clear,
  copy,
  type CopyResult,
  type Effort,
  type ExtentList,
  type IoFailure,
} from '../engine/index.js';
import { clip, extentOf, totalBytes, union } from '../region/index.js';
import { Meter, type Reporter, type StatusEvent } from '../report/index.js';
import { type LocalVolume, withVolumeErrors } from '../volume/index.js';
import { CheckpointFile, type CheckpointState } from './checkpoint.js';
import { clearMark, newRunId, setMark } from './mark.js';
import { headBytes, type Plan, sealBytes } from './plan.js';
import { decideResumption, type Resumption, workListDigest } from './resume.js';
import { type Watch, watchJob } from './watch.js';
import { unwrittenEvidence } from './evidence.js';

/** What becomes of the target's unused ranges. */
export type FreePolicy = 'skip' | 'discard' | 'zero';

export interface SeedOptions {
  readonly free: FreePolicy;
  readonly compare: boolean;
  readonly verify: boolean;
  readonly rescue: boolean;
  readonly resume: boolean;
  readonly effort: Effort;
  /** How often the target is flushed and the checkpoint moves on. */
  readonly checkpointEveryMs: number;
  readonly stateDirectory: string;
}

export interface SeedTarget {
  /** Open for writing, exclusively. */
  readonly volume: LocalVolume;
  /** This run has just made it: it reads as zeroes. */
  readonly isNew: boolean;
}

export interface SeedRun {
  readonly source: LocalVolume;
  /** The user has accepted that the source is written meanwhile, and the copy torn. */
  readonly sourceMayChange: boolean;
  readonly targets: readonly SeedTarget[];
  readonly plan: Plan;
  readonly options: SeedOptions;
  readonly reporter: Reporter;
  readonly signal: AbortSignal;
}

export interface SeedResult {
  readonly interrupted: boolean;
  /** Somebody wrote to the source during the run: the targets are not sealed. */
  readonly sourceChanged: boolean;
  /** Bytes of an earlier run that did not have to be copied again. */
  readonly resumedBytes: number;
  readonly readBytes: number;
  readonly writtenBytes: number;
  readonly zeroBytes: number;
  readonly identicalBytes: number;
  readonly verifiedBytes: number;
  /**
   * Unreadable ranges of the source, as pairs of start and length. The targets hold zeroes there, or
   * what they held before where the run compared.
   */
  readonly badRanges: ExtentList;
  /** Per target: null, or why it was given up. */
  readonly targetFailures: CopyResult['targetFailures'];
  readonly backend: 'uring' | 'threads';
}

/**
 * Copies the plan. The targets' first MiB is cleared before anything else and written when all the
 * rest is durable. Rejects with EngineError where a disk fails; a checkpoint then tells where to go on.
 */
export async function seed(run: SeedRun): Promise<SeedResult> {
  const { source, targets, plan, options, reporter } = run;
  const file = new CheckpointFile(
    options.stateDirectory,
    source.identity.stableId,
    targets.map(({ volume }) => volume.identity.stableId),
  );
  const evidence = await unwrittenEvidence(source);
  const resumption = await decideResumption({
    checkpoint: options.resume ? await file.load() : null,
    source,
    targets: targets.map(({ volume }) => volume),
    evidence,
    workList: plan.body,
    verify: options.verify,
  });
  announce(resumption, reporter);

  const earlier = resumption.kind === 'continue' ? resumption.checkpoint : null;
  const state: CheckpointState = {
    runId: earlier?.runId ?? newRunId(),
    source: source.identity.stableId,
    targets: targets.map(({ volume }) => volume.identity.stableId),
    sourceEvidence: evidence,
    workListDigest: workListDigest(plan.body),
    verified: options.verify,
    free: options.free,
    freeDone: earlier?.freeDone === true && earlier.free === options.free,
    durableBytes: earlier?.durableBytes ?? 0,
    totalBytes: totalBytes(plan.body),
    badRanges: earlier?.badRanges ?? [],
    unlistedBadBytes: 0,
  };
  const pass = new SeedPass(run, file, state, resumption.kind === 'compare');
  const result = await pass.run();
  if (!result.interrupted && !result.sourceChanged) await file.remove();
  return result;
}

function announce(resumption: Resumption, reporter: Reporter): void {
  if (resumption.kind === 'fresh') return;
  const message =
    resumption.kind === 'continue'
      ? `going on where the last run stopped (${resumption.checkpoint.updatedAt})`
      : `an earlier run was interrupted, but ${resumption.reason}: comparing all of it and writing what differs`;
  reporter.report({
    type: 'note',
    severity: 'info',
    code: resumption.kind === 'continue' ? 'RESUMED' : 'RESUMED_BY_COMPARING',
    message,
  });
}

/** One run over the plan, with the state that its checkpoints carry. */
class SeedPass {
  readonly #run: SeedRun;
  readonly #file: CheckpointFile;
  readonly #compare: boolean;
  readonly #resumedBytes: number;
  readonly #failures: (IoFailure | null)[];
  readonly #sums = { read: 0, written: 0, zero: 0, identical: 0, verified: 0 };
  #state: CheckpointState;
  #backend: 'uring' | 'threads' = 'threads';
  #cancelled = false;
  #sourceChanged = false;

  constructor(run: SeedRun, file: CheckpointFile, state: CheckpointState, compare: boolean) {
    this.#run = run;
    this.#file = file;
    this.#state = state;
    this.#resumedBytes = state.durableBytes;
    this.#compare = compare || run.options.compare;
    this.#failures = run.targets.map(() => null);
  }

  async run(): Promise<SeedResult> {
    const { plan, options, signal } = this.#run;
    // Whoever stopped it in time finds the target untouched.
    signal.throwIfAborted();
    // The first checkpoint comes before the first write: from here on this target is unfinished.
    await this.#file.save(this.#state);
    await this.#clearHead();
    if (options.free !== 'skip' && !this.#state.freeDone) await this.#clearFree(options.free);
    await this.#retryBadRanges();
    await this.#copyBody();
    this.#sourceChanged = await this.#hasSourceChanged();
    if (!this.#sourceChanged) await this.#copyHead(plan.head);
    if (this.#cancelled || this.#sourceChanged) await this.#file.save(this.#state);
    return this.#result();
  }

  /** A copy of two moments must not be called done, unless the user has said that it may. */
  async #hasSourceChanged(): Promise<boolean> {
    const { source, sourceMayChange } = this.#run;
    const { sourceEvidence } = this.#state;
    if (this.#cancelled || sourceMayChange || sourceEvidence === null) return false;
    return (await unwrittenEvidence(source)) !== sourceEvidence;
  }

  /** No signature may stand on a target that is not finished. */
  async #clearHead(): Promise<void> {
    for (const { volume } of this.#run.targets) {
      const extents = extentOf(0, Math.min(headBytes, volume.identity.sizeBytes));
      await watchJob(clear({ targetFd: volume.fd, extents, mode: 'zero' }), {});
      await withVolumeErrors(volume.identity.path, () => setMark(volume, this.#state.runId));
    }
  }

  async #clearFree(mode: 'discard' | 'zero'): Promise<void> {
    const { targets, plan, options, signal } = this.#run;
    for (const { volume } of targets) {
      if (this.#cancelled) return;
      const job = clear({ ...options.effort, targetFd: volume.fd, extents: plan.free, mode });
      const meter = new Meter();
      const { cancelled } = await watchJob(job, {
        signal,
        onProgress: ({ completedBytes, totalBytes }) => {
          this.#status(meter, { phase: 'clearing', completedBytes, totalBytes, badBytes: 0 });
        },
      });
      this.#cancelled ||= cancelled;
    }
    if (this.#cancelled) return;
    this.#state = { ...this.#state, freeDone: true };
    await this.#file.save(this.#state);
  }

  async #retryBadRanges(): Promise<void> {
    const extents = Float64Array.from(this.#state.badRanges);
    const result = await this.#copy('retrying', extents, 0, {});
    if (result === null || result.cancelled) return;
    this.#state = { ...this.#state, badRanges: [...result.badRanges] };
  }

  async #copyBody(): Promise<void> {
    const result = await this.#copy('copying', this.#run.plan.body, this.#state.durableBytes, {
      onDurable: async ({ durableBytes, badBytes, failedTargets }) => {
        // Positions say nothing about a target that was given up on the way, or before it.
        if (failedTargets > 0 || this.#failures.some((failure) => failure !== null)) return;
        this.#state = { ...this.#state, durableBytes, unlistedBadBytes: badBytes };
        await this.#file.save(this.#state);
      },
    });
    if (result === null) return;
    const badRanges = union(Float64Array.from(this.#state.badRanges), result.badRanges);
    this.#state = { ...this.#state, badRanges: [...badRanges], unlistedBadBytes: 0 };
  }

  async #copyHead(head: ExtentList): Promise<void> {
    // The first block last, by itself: with it, and not before, the target is a file system.
    await this.#seal(clip(head, sealBytes, headBytes));
    if (this.#cancelled) return;
    for (const [index, { volume }] of this.#run.targets.entries()) {
      if (this.#failures[index] !== null) continue;
      await withVolumeErrors(volume.identity.path, () => clearMark(volume));
    }
    await this.#seal(clip(head, 0, sealBytes));
  }

  async #seal(part: ExtentList): Promise<void> {
    const result = await this.#copy('sealing', part, 0, {});
    if (result === null) return;
    const badRanges = union(Float64Array.from(this.#state.badRanges), result.badRanges);
    this.#state = { ...this.#state, badRanges: [...badRanges] };
  }

  /** Runs one copy job over the targets that are still good. Null if there is nothing to do. */
  async #copy(
    phase: string,
    extents: ExtentList,
    startAtBytes: number,
    watch: Pick<Watch, 'onDurable'>,
  ): Promise<CopyResult | null> {
    if (this.#cancelled || extents.length === 0) return null;
    const { source, targets, options, signal } = this.#run;
    const live = targets.flatMap((_, index) => (this.#failures[index] === null ? [index] : []));
    if (live.length === 0) return null;
    const job = copy({
      ...options.effort,
      sourceFd: source.fd,
      targetFds: live.map((index) => (targets[index] as SeedTarget).volume.fd),
      extents,
      startAtBytes,
      compare: this.#compare,
      verify: options.verify,
      rescue: options.rescue,
      targetsAreZero: live.every((index) => targets[index]?.isNew === true),
      flushEveryMs: options.checkpointEveryMs,
    });
    // Its own: bytes of different lists make no rate.
    const meter = new Meter();
    const result = await watchJob(job, {
      ...watch,
      signal,
      onProgress: ({ completedBytes, totalBytes, badBytes }) => {
        this.#status(meter, { phase, completedBytes, totalBytes, badBytes });
      },
    });
    for (const [position, index] of live.entries()) {
      this.#failures[index] = result.targetFailures[position] ?? null;
    }
    this.#count(result);
    return result;
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

  #result(): SeedResult {
    return {
      interrupted: this.#cancelled,
      sourceChanged: this.#sourceChanged,
      resumedBytes: this.#resumedBytes,
      readBytes: this.#sums.read,
      writtenBytes: this.#sums.written,
      zeroBytes: this.#sums.zero,
      identicalBytes: this.#sums.identical,
      verifiedBytes: this.#sums.verified,
      badRanges: Float64Array.from(this.#state.badRanges),
      targetFailures: this.#failures,
      backend: this.#backend,
    };
  }
}
