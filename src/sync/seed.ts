/** Seeding: makes each target hold what the source's file system uses, and nothing less. */

import { constants } from 'node:os';
import {
  clear,
  copy,
  type CopyResult,
  type Effort,
  type ExtentList,
  type IoFailure,
  pastReader,
} from '../engine/index.js';
import { clip, emptyExtents, extentOf, subtract, totalBytes, union } from '../region/index.js';
import { formatBytes, Meter, type Reporter, type StatusEvent } from '../report/index.js';
import { isInPlace, type LocalVolume, withVolumeErrors } from '../volume/index.js';
import { CheckpointFile, type CheckpointState } from './checkpoint.js';
import { clearMark, markSectorBytes, newRunId, setMark } from './mark.js';
import { headBytes, type Plan, sealBytes } from './plan.js';
import { type Touched, unsealedState } from './touched.js';
import { decideResumption, type Resumption, workListDigest } from './resume.js';
import { type Layout, probedOtherwise, wipeFormer } from './strays.js';
import { type SealedTarget, sealedHead, sealedTarget } from './sealed.js';
import { forgiving } from './unsaved.js';
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
  /** This run has just given it another size. */
  readonly isResized?: boolean;
}

export interface Unsealed {
  readonly code: 'SOURCE_CHANGED' | 'NO_CUTOVER' | 'NOT_CONVERGED';
  readonly message: string;
}

/** A part of the copy beside the plan's. */
export interface Piece {
  readonly phase: string;
  readonly extents: ExtentList;
  /** Where it is read; default: the source. */
  readonly fd?: number;
  readonly effort?: Effort;
  /** What of it is zeroes there because it could not be read where it came from. */
  readonly unreadable?: ExtentList;
}

/** Copies a piece to all targets that are still good, and flushes them. Null: there was nothing to do. */
export type CopyPiece = (piece: Piece) => Promise<CopyResult | null>;

/** How a copy that was made while the source went on comes to one point in time. */
export interface Follow {
  /** Copies what was written since the body was; resolves with where the head of that point is read. */
  reach(copyPiece: CopyPiece): Promise<Point | Unsealed>;
}

/** A moment that the targets hold all of but the head, and where that is read. */
export interface Point {
  readonly headFd: number;
}

export interface SeedRun {
  readonly source: LocalVolume;
  /** The user has accepted that the source is written meanwhile, and the copy torn. */
  readonly sourceMayChange: boolean;
  /** Of a source in use: brings the copy to one point in time. Null: the source is at rest. */
  readonly follow: Follow | null;
  readonly targets: readonly SeedTarget[];
  readonly plan: Plan;
  /** Of a disk: each is a volume of its own. */
  readonly partitions: Layout['partitions'];
  readonly options: SeedOptions;
  readonly reporter: Reporter;
  readonly signal: AbortSignal;
  /** Hears which targets are unfinished. */
  readonly touched?: Touched;
}

export interface SeedResult {
  readonly interrupted: boolean;
  /**
   * Why the targets carry no signature though all was copied; null if they do, or if the run ended
   * before. `code` is stable, `message` a sentence without a full stop.
   */
  readonly unsealed: Unsealed | null;
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
  /** Per target: signatures of its former life that no copied range covered, wiped; one line each. */
  readonly wiped: readonly (readonly string[])[];
  /** Per target: how it probes otherwise than the source though it is sealed; one line each. */
  readonly probedOtherwise: readonly (readonly string[])[];
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
  const checkpoint = options.resume ? await file.load() : null;
  const resumption = await decideResumption({
    checkpoint,
    source,
    targets: targets.map(({ volume }) => volume),
    evidence,
    workList: plan.body,
    verify: options.verify,
    mayRetry: run.follow === null,
  });
  announce(resumption, reporter);
  const wasSealed = (checkpoint?.sealed ?? []).length > 0;
  if (resumption.kind !== 'fresh' && !wasSealed) tellUnfinished(run);

  const earlier = 'checkpoint' in resumption ? resumption.checkpoint : null;
  const state: CheckpointState = {
    // Kept whatever the checkpoint is worth: by it the next run knows a target of its own.
    runId: checkpoint?.runId ?? newRunId(),
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
  const pass = new SeedPass(
    run,
    file,
    state,
    resumption.kind !== 'continue' && checkpoint !== null,
  );
  const result =
    resumption.kind === 'retry' ? await pass.retry() : await pass.run(checkpoint?.sealed);
  const isOver = !result.interrupted && result.unsealed === null;
  if (isOver && (result.badRanges.length === 0 || run.follow !== null))
    await file.remove().catch(() => undefined);
  return result;
}

function tellUnfinished({ targets, touched }: Pick<SeedRun, 'targets' | 'touched'>): void {
  for (const { volume } of targets) touched?.begin(volume.identity.path, unsealedState);
}

function announce(resumption: Resumption, reporter: Reporter): void {
  if (resumption.kind === 'fresh') return;
  const message =
    resumption.kind === 'retry'
      ? `only what could not be read is tried again (${formatBytes(totalBytes(Float64Array.from(resumption.checkpoint.badRanges)))}): the rest is there since ${resumption.checkpoint.updatedAt}`
      : resumption.kind === 'continue'
        ? `going on where the last run stopped (${resumption.checkpoint.updatedAt})`
        : `an earlier run was interrupted, but ${resumption.reason}: comparing all of it and writing what differs`;
  reporter.report({
    type: 'note',
    severity: 'info',
    code: resumption.kind === 'compare' ? 'RESUMED_BY_COMPARING' : 'RESUMED',
    message,
  });
}

/** One run over the plan, with the state that its checkpoints carry. */
class SeedPass {
  readonly #run: SeedRun;
  readonly #file: CheckpointFile;
  readonly #compare: boolean;
  readonly #resumedBytes: number;
  readonly #forgiving: ReturnType<typeof forgiving>;
  readonly #failures: (IoFailure | null)[];
  readonly #sums = { read: 0, written: 0, zero: 0, identical: 0, verified: 0 };
  #state: CheckpointState;
  #backend: 'uring' | 'threads' = 'threads';
  #cancelled = false;
  #unsealed: Unsealed | null = null;
  readonly #wiped: string[][];
  readonly #otherwise: string[][];
  /** What the targets' first MiB was, where an earlier run had sealed them. */
  #sealedHeads: readonly (Uint8Array | null)[] = [];

  constructor(run: SeedRun, file: CheckpointFile, state: CheckpointState, compare: boolean) {
    this.#run = run;
    this.#file = file;
    const cost = 'the copy goes on, and would be gone on with from an earlier place';
    this.#forgiving = forgiving(run.reporter, cost);
    this.#state = state;
    this.#resumedBytes = state.durableBytes;
    this.#compare = compare || run.options.compare;
    this.#failures = run.targets.map(() => null);
    this.#wiped = run.targets.map(() => []);
    this.#otherwise = run.targets.map(() => []);
  }

  /** `sealed`: how an earlier run left the targets, if it had come to its end. */
  async run(sealed: readonly SealedTarget[] = []): Promise<SeedResult> {
    const { targets, plan, options, signal } = this.#run;
    // Whoever stopped it in time finds the target untouched; one that was made or cut is not.
    if (!targets.some(({ isNew, isResized }) => isNew || isResized)) signal.throwIfAborted();
    this.#sealedHeads = await Promise.all(
      targets.map(({ volume }, index) => sealedHead(sealed[index], volume)),
    );
    tellUnfinished(this.#run);
    // The first checkpoint comes before the first write: from here on this target is unfinished.
    await this.#file.save(this.#state);
    await this.#clearHead();
    await this.#wipeFormer();
    if (options.free !== 'skip' && !this.#state.freeDone) await this.#clearFree(options.free);
    await this.#retryBadRanges();
    await this.#copyBody();
    await this.#finish(plan.head);
    await this.#saveEnd();
    return this.#result();
  }

  /**
   * Of targets that carry their signature, which they keep: what is put into them takes the place of
   * zeroes, so that at every moment they are at least what they were.
   */
  async retry(): Promise<SeedResult> {
    const { options, signal } = this.#run;
    signal.throwIfAborted();
    try {
      if (options.free !== 'skip' && !this.#state.freeDone) await this.#clearFree(options.free);
      await this.#retryBadRanges();
      await this.#giveUpMissing();
      await this.#probe();
      const point = await this.#checkUnchanged();
      if ('code' in point) this.#unsealed = point;
    } finally {
      await this.#saveSealed();
    }
    return this.#result();
  }

  /** Tells the next run what is left to do, if anything is. */
  async #saveEnd(): Promise<void> {
    if (this.#cancelled || this.#unsealed !== null)
      await this.#forgiving(() => this.#file.save(this.#state));
    else if (this.#state.badRanges.length > 0) await this.#saveSealed();
  }

  async #saveSealed(): Promise<void> {
    if (this.#failures.some((failure) => failure !== null)) return;
    const sealed: SealedTarget[] = [];
    for (const { volume } of this.#run.targets) sealed.push(await sealedTarget(volume));
    await this.#forgiving(() => this.#file.save({ ...this.#state, sealed }));
  }

  /** Only what is one point in time gets its head, and with it a signature. */
  async #finish(head: ExtentList): Promise<void> {
    if (this.#cancelled) return;
    const point = await this.#reachPoint();
    if (point === null) this.#cancelled = true;
    else if ('headFd' in point) {
      await this.#copyHead(head, point.headFd);
      await this.#probe();
    } else this.#unsealed = point;
  }

  get #layout(): Layout {
    const { source, plan, partitions } = this.#run;
    return { sourceBytes: source.identity.sizeBytes, free: plan.free, partitions };
  }

  async #wipeFormer(): Promise<void> {
    for (const [index, { volume, isNew }] of this.#run.targets.entries()) {
      if (!isNew) this.#wiped[index] = await wipeFormer(volume, this.#layout);
    }
  }

  /** A target that anybody takes for something else than its source is no copy of it. */
  async #probe(): Promise<void> {
    const { source, targets, follow, plan } = this.#run;
    if (this.#cancelled || plan.truncatedBytes > 0) return;
    // A mounted file system's own writes go around the device's cache.
    const { path, sizeBytes } = source.identity;
    const past = follow !== null && { fd: source.fd, path, sizeBytes };
    const reader = past ? pastReader(past) : source.reader;
    for (const [index, { volume }] of targets.entries()) {
      if (this.#failures[index] !== null) continue;
      this.#otherwise[index] = await probedOtherwise(volume.reader, reader, this.#layout);
    }
  }

  /** Null if the run was stopped on the way. */
  async #reachPoint(): Promise<Point | Unsealed | null> {
    const { follow, signal } = this.#run;
    if (follow === null) return this.#checkUnchanged();
    try {
      const point = await follow.reach((piece) => this.#copyPiece(piece));
      return this.#cancelled ? null : point;
    } catch (error) {
      if (signal.aborted) return null;
      throw error;
    }
  }

  /** A copy of two moments must not be called done, unless the user has said that it may. */
  async #checkUnchanged(): Promise<Point | Unsealed> {
    const { source, sourceMayChange } = this.#run;
    const { sourceEvidence } = this.#state;
    const unchanged = { headFd: source.fd };
    if (sourceMayChange || sourceEvidence === null) return unchanged;
    if ((await unwrittenEvidence(source)) === sourceEvidence) return unchanged;
    return {
      code: 'SOURCE_CHANGED',
      message:
        'the source was written during the run; stop the writer and run the same command again',
    };
  }

  /** No signature may stand on a target that is not finished. */
  async #clearHead(): Promise<void> {
    for (const { volume } of this.#run.targets) {
      const { path, sizeBytes } = volume.identity;
      // The mark first: whenever the run is killed, the next one knows the target by it.
      await withVolumeErrors(path, () => setMark(volume, this.#state.runId));
      const markBytes = markSectorBytes(volume);
      const extents = extentOf(markBytes, Math.min(headBytes, sizeBytes) - markBytes);
      if (extents.length === 0) continue;
      await watchJob(clear({ targetFd: volume.fd, extents, mode: 'zero' }), {});
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
    await this.#forgiving(() => this.#file.save(this.#state));
  }

  async #retryBadRanges(): Promise<void> {
    const extents = Float64Array.from(this.#state.badRanges);
    const result = await this.#copy({ phase: 'retrying', extents }, 0, {});
    if (result === null || result.cancelled) return;
    this.#state = { ...this.#state, badRanges: [...result.badRanges] };
  }

  async #copyBody(): Promise<void> {
    const body = { phase: 'copying', extents: this.#run.plan.body };
    const watch: Pick<Watch, 'onDurable'> = {
      onDurable: async ({ durableBytes, badBytes, failedTargets }) => {
        // Positions say nothing about a target that was given up on the way, or before it.
        if (failedTargets > 0 || this.#failures.some((failure) => failure !== null)) return;
        this.#state = { ...this.#state, durableBytes, unlistedBadBytes: badBytes };
        await this.#forgiving(() => this.#file.save(this.#state));
      },
    };
    const result = await this.#copy(body, this.#state.durableBytes, watch, true);
    if (result === null) return;
    const badRanges = union(Float64Array.from(this.#state.badRanges), result.badRanges);
    this.#state = { ...this.#state, badRanges: [...badRanges], unlistedBadBytes: 0 };
  }

  async #copyHead(head: ExtentList, fd: number): Promise<void> {
    await this.#giveUpMissing();
    const seal = (extents: ExtentList) => this.#copyPiece({ phase: 'sealing', extents, fd });
    await this.#restoreHeads(sealBytes, headBytes);
    // The first block last, by itself: with it, and not before, the target is a file system.
    await seal(clip(head, sealBytes, headBytes));
    if (this.#cancelled) return;
    for (const [index, { volume }] of this.#run.targets.entries()) {
      if (this.#failures[index] !== null) continue;
      await withVolumeErrors(volume.identity.path, () => clearMark(volume));
    }
    await this.#restoreHeads(0, sealBytes);
    const sealed = await seal(clip(head, 0, sealBytes));
    await this.#giveUpMissing();
    if (sealed?.cancelled !== false) return;
    for (const [index, { volume }] of this.#run.targets.entries()) {
      if (this.#failures[index] === null) this.#run.touched?.finish(volume.identity.path);
    }
  }

  /** Puts back what a sealed target had there: where the source cannot be read, that is what remains. */
  async #restoreHeads(from: number, to: number): Promise<void> {
    for (const [index, { volume }] of this.#run.targets.entries()) {
      const head = this.#sealedHeads[index]?.subarray(from, to);
      if (head === undefined || this.#failures[index] !== null) continue;
      await withVolumeErrors(volume.identity.path, async () => {
        await volume.handle.write(head, 0, head.length, from);
        await volume.handle.sync();
      });
    }
  }

  /** A file that was deleted meanwhile takes every write, and is nobody's copy. */
  async #giveUpMissing(): Promise<void> {
    for (const [side, { volume }] of this.#run.targets.entries()) {
      if (this.#failures[side] !== null || (await isInPlace(volume))) continue;
      const nowhere = { offsetBytes: 0, lengthBytes: 0 };
      this.#failures[side] = { errno: constants.errno.ENOENT, syscall: 'stat', side, ...nowhere };
    }
  }

  async #copyPiece(piece: Piece): Promise<CopyResult | null> {
    const { unreadable = emptyExtents, extents } = piece;
    // A target that is compared may hold the last good copy there: it is left alone.
    const readable = this.#compare ? subtract(extents, unreadable) : extents;
    const result = await this.#copy({ ...piece, extents: readable }, 0, {});
    const found = union(unreadable, result?.badRanges ?? emptyExtents);
    const badRanges = union(Float64Array.from(this.#state.badRanges), found);
    this.#state = { ...this.#state, badRanges: [...badRanges] };
    return result;
  }

  /** Runs one copy job over the targets that are still good. Null if there is nothing to do. */
  async #copy(
    { phase, extents, fd, effort }: Piece,
    startAtBytes: number,
    watch: Pick<Watch, 'onDurable'>,
    first = false,
  ): Promise<CopyResult | null> {
    if (this.#cancelled || extents.length === 0) return null;
    const { source, targets, options, signal } = this.#run;
    const live = targets.flatMap((_, index) => (this.#failures[index] === null ? [index] : []));
    if (live.length === 0) return null;
    const job = copy({
      ...(effort ?? options.effort),
      sourceFd: fd ?? source.fd,
      targetFds: live.map((index) => (targets[index] as SeedTarget).volume.fd),
      extents,
      startAtBytes,
      compare: this.#compare,
      verify: options.verify,
      rescue: options.rescue,
      // What is copied again, or from elsewhere, goes over what was copied before.
      targetsAreZero: first && live.every((index) => targets[index]?.isNew === true),
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
      unsealed: this.#unsealed,
      resumedBytes: this.#resumedBytes,
      readBytes: this.#sums.read,
      writtenBytes: this.#sums.written,
      zeroBytes: this.#sums.zero,
      identicalBytes: this.#sums.identical,
      verifiedBytes: this.#sums.verified,
      badRanges: Float64Array.from(this.#state.badRanges),
      targetFailures: this.#failures,
      wiped: this.#wiped,
      probedOtherwise: this.#otherwise,
      backend: this.#backend,
    };
  }
}
