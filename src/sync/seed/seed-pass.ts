/** One pass over a seed's plan: what is done in which order, so that it may end at every moment. */

import type { CopyResult, EndpointDescription } from '../../engine/index.js';
import { emptyExtents, subtract, union } from '../../region/index.js';
import { Headers } from './headers.js';
import type { PublishedTarget } from './published.js';
import { SeedJobs } from './seed-jobs.js';
import type { SeedProgress } from './seed-progress.js';
import type { Piece, ConsistencyPoint, SeedResult, SeedRun, Unpublished } from './seed-run.js';
import { type Layout, probedOtherwise, wipeFormer } from '../strays.js';
import { unpublishedState } from '../touched.js';

export class SeedPass {
  readonly #run: SeedRun;
  readonly #progress: SeedProgress;
  readonly #jobs: SeedJobs;
  readonly #headers: Headers;
  readonly #resumedBytes: number;
  readonly #wiped: string[][];
  readonly #otherwise: string[][];
  #unpublished: Unpublished | null = null;

  constructor(run: SeedRun, progress: SeedProgress, compare: boolean) {
    this.#run = run;
    this.#progress = progress;
    this.#resumedBytes = progress.state.durableBytes;
    this.#jobs = new SeedJobs(run, compare || run.options.compare);
    this.#headers = new Headers(run, this.#jobs);
    this.#wiped = run.targets.map(() => []);
    this.#otherwise = run.targets.map(() => []);
  }

  /** `published`: how an earlier run left the targets, if it had come to its end. */
  async run(published: readonly PublishedTarget[] = []): Promise<SeedResult> {
    const { targets, signal } = this.#run;
    // Whoever stopped it in time finds the target untouched; one that was made or cut is not.
    if (!targets.some(({ isNew, isResized }) => isNew || isResized)) signal.throwIfAborted();
    await this.#headers.keep(published);
    this.#run.touched?.beginAll(targets, unpublishedState);
    // The first checkpoint comes before the first write: from here on this target is unfinished.
    await this.#progress.begin();
    await this.#headers.clear(this.#progress.state.runId);
    await this.#wipeFormer();
    await this.#clearFree();
    await this.#retryBadRanges();
    await this.#copyBody();
    await this.#finish();
    await this.#saveEnd();
    return this.#result();
  }

  /**
   * Of targets that carry their signature, which they keep: what is put into them takes the place of
   * zeroes, so that at every moment they are at least what they were.
   */
  async retry(): Promise<SeedResult> {
    this.#run.signal.throwIfAborted();
    try {
      await this.#clearFree();
      await this.#retryBadRanges();
      await this.#jobs.giveUpMissing();
      await this.#probe();
      const point = await this.#checkUnchanged();
      if ('code' in point) this.#unpublished = point;
    } finally {
      await this.#savePublished();
    }
    return this.#result();
  }

  /** Tells the next run what is left to do, if anything is. */
  async #saveEnd(): Promise<void> {
    if (this.#jobs.cancelled || this.#unpublished !== null) await this.#progress.save();
    else if (this.#progress.badRanges.length > 0) await this.#savePublished();
  }

  async #savePublished(): Promise<void> {
    if (!this.#jobs.someFailed) await this.#progress.savePublished();
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

  async #clearFree(): Promise<void> {
    const { free } = this.#run.options;
    if (free === 'skip' || this.#progress.state.freeDone) return;
    await this.#jobs.clearFree(free);
    if (!this.#jobs.cancelled) await this.#progress.freeIsDone();
  }

  async #retryBadRanges(): Promise<void> {
    const piece = { phase: 'retrying', extents: this.#progress.badRanges };
    const result = await this.#jobs.copy(piece);
    if (result?.cancelled === false) this.#progress.replaceBad(result.badRanges);
  }

  async #copyBody(): Promise<void> {
    const body = { phase: 'copying', extents: this.#run.plan.body };
    const result = await this.#jobs.copy(body, {
      startAtBytes: this.#progress.state.durableBytes,
      first: true,
      onDurable: async ({ durableBytes, badBytes, failedTargets }) => {
        // Positions say nothing about a target that was given up on the way, or before it.
        if (failedTargets > 0 || this.#jobs.someFailed) return;
        await this.#progress.isDurable(durableBytes, badBytes);
      },
    });
    if (result !== null) this.#progress.bodyIsDone(result.badRanges);
  }

  async #copyPiece(piece: Piece): Promise<CopyResult | null> {
    const { unreadable = emptyExtents, extents } = piece;
    // A target that is compared may hold the last good copy there: it is left alone.
    const readable = this.#jobs.compares ? subtract(extents, unreadable) : extents;
    const result = await this.#jobs.copy({ ...piece, extents: readable });
    this.#progress.addBad(union(unreadable, result?.badRanges ?? emptyExtents));
    return result;
  }

  /** Only what is one point in time gets its header, and with it a signature. */
  async #finish(): Promise<void> {
    if (this.#jobs.cancelled) return;
    const point = await this.#reachPoint();
    if (point === null) this.#jobs.cancel();
    else if ('headFrom' in point) {
      await this.#publish(point.headFrom);
      await this.#probe();
    } else this.#unpublished = point;
  }

  /** Null if the run was stopped on the way. */
  async #reachPoint(): Promise<ConsistencyPoint | Unpublished | null> {
    const { follow, signal } = this.#run;
    if (follow === null) return this.#checkUnchanged();
    try {
      const point = await follow.reach((piece) => this.#copyPiece(piece));
      return this.#jobs.cancelled ? null : point;
    } catch (error) {
      if (signal.aborted) return null;
      throw error;
    }
  }

  /** A copy of two moments must not be called done, unless the user has said that it may. */
  async #checkUnchanged(): Promise<ConsistencyPoint | Unpublished> {
    const { source, sourceMayChange } = this.#run;
    const { sourceCounterText } = this.#progress.state;
    const unchanged = { headFrom: source.endpoint };
    if (sourceMayChange || sourceCounterText === null) return unchanged;
    const { counterText } = await source.writeCounter();
    if (counterText === sourceCounterText) return unchanged;
    return {
      code: 'SOURCE_CHANGED',
      message:
        'the source was written during the run; stop the writer and run the same command again',
    };
  }

  async #publish(from: EndpointDescription): Promise<void> {
    const isFinished = await this.#headers.publish(this.#run.plan.head, (extents) =>
      this.#copyPiece({ phase: 'sealing', extents, from }),
    );
    if (!isFinished) return;
    for (const { volume } of this.#jobs.good) this.#run.touched?.finish(volume.identity.path);
  }

  /** A target that anybody takes for something else than its source is no copy of it. */
  async #probe(): Promise<void> {
    const { source, follow, plan } = this.#run;
    if (this.#jobs.cancelled || plan.truncatedBytes > 0) return;
    // A mounted file system's own writes go around the device's cache.
    const reader = follow === null ? source.reader : source.directReader;
    for (const { index, volume } of this.#jobs.good) {
      this.#otherwise[index] = await probedOtherwise(volume.reader, reader, this.#layout);
    }
  }

  #result(): SeedResult {
    return {
      ...this.#jobs.result,
      unpublished: this.#unpublished,
      resumedBytes: this.#resumedBytes,
      badRanges: this.#progress.badRanges,
      wiped: this.#wiped,
      probedOtherwise: this.#otherwise,
    };
  }
}
