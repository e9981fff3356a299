/**
 * Stages an epoch: rounds while programs write, until little is left; the rest while the source is held;
 * then the commit record. A seed is an epoch that is staged onto the target itself.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import type { IoOptions } from '../../../engine/index.js';
import { type ExtentList, subtract, totalBytes } from '../../../region/index.js';
import type { Volume } from '../../../volume/index.js';
import { leftTooMuch, MissedWrites } from '../../consistency/errors.js';
import { EpochBudget, mostFrozenBytes } from '../../consistency/freeze-budget.js';
import type { ConsistencyPoint } from '../../consistency/point-source.js';
import type { Watch } from '../../watch-job.js';
import { isFatal, isLostFreeze, isVainFreeze } from '../errors.js';
import type { Waiting } from '../overdue.js';
import type { OnProgress } from '../replica-notes.js';
import { sectorDigests, signatureAreaOf } from '../../target-header/index.js';
import { abandon, type CommittedEpoch, type StepContext } from './context.js';

/** Where staged bytes go: into the journal, or, during a seed, onto the target itself. */
export interface Sink {
  write(extents: ExtentList, ioOptions: IoOptions, watch: Watch): Promise<void>;
  /** Creates a progress listener for one job. */
  readonly progress: () => OnProgress;
}

/** The sink of every epoch except a seed's. */
export function journalSink({ journal, replicationSource }: StepContext): Sink {
  const { endpoint } = replicationSource.volume;
  return {
    write: (extents, ioOptions, watch) => journal.stage(endpoint, extents, ioOptions, watch),
    progress: () => () => undefined,
  };
}

export interface StageRequest {
  /** The target. */
  readonly volume: Volume;
  readonly sink: Sink;
  /** The tracker generation under which all dirty ranges were collected. */
  readonly generation: number;
}

export class Stager {
  readonly #context: StepContext;
  readonly #waiting: Waiting;
  readonly #budget: EpochBudget;
  #underWayBytes = 0;
  #lastPointMs = -Infinity;

  constructor(context: StepContext, waiting: Waiting, maxFreezeMs: number) {
    this.#context = context;
    this.#waiting = waiting;
    this.#budget = new EpochBudget(maxFreezeMs);
  }

  /** Bytes taken from the dirty set that are neither staged nor returned yet. */
  get underWayBytes(): number {
    return this.#underWayBytes;
  }

  /** Since the moment of the last epoch; Infinity before the first. */
  get sinceLastPointMs(): number {
    return performance.now() - this.#lastPointMs;
  }

  /**
   * Rejects with MissedWrites, as the journal and the sink do, and with errors of a freeze that retrying
   * cannot fix; everything staged is then dirty again.
   */
  async stage({ volume, sink, generation }: StageRequest): Promise<CommittedEpoch> {
    const { journal, store, runId } = this.#context;
    try {
      const { moment, waitedMs } = await this.#reachPoint(sink, generation);
      this.#refuseMissed(generation);
      this.#lastPointMs = performance.now();
      const { source, target, epoch } = store.record;
      const record = await journal.commit({
        runId,
        source: source.stableId,
        sourcePath: source.path,
        target: target.stableId,
        epoch: epoch + 1,
        frozenAt: moment,
        before: await sectorDigests(volume.reader),
      });
      return { record, waitedMs };
    } catch (error) {
      await abandon(this.#context);
      throw error;
    }
  }

  /** Retries until a moment lasts. Staged ranges stay valid, because the tracker shows later writes. */
  async #reachPoint(sink: Sink, generation: number): Promise<ConsistencyPoint> {
    const { replicationSource, intervalMs, notes, signal } = this.#context;
    for (;;) {
      await this.#converge(sink, generation);
      try {
        const stageLast = (stop: AbortSignal) => this.#stageLast(sink, stop);
        const point = await this.#waiting.ask(() => replicationSource.point({ stageLast }));
        this.#budget.lasted();
        this.#waiting.over();
        return point;
      } catch (error) {
        if (!isLostFreeze(error) || isFatal(error)) throw error;
        this.#waiting.failed(error);
        if (this.#budget.lost() === 'once') notes.warn(`${error.message}; trying again`);
        // Writers have waited in vain repeatedly, and staging more before the freeze has not
        // helped.
        if (isVainFreeze(error) && this.#budget.isExhausted) throw error;
      }
      await sleep(intervalMs, undefined, { signal });
    }
  }

  /** Stages rounds until the rest fits into a freeze. */
  async #converge(sink: Sink, generation: number): Promise<void> {
    const { replicationSource, dirty, ioOptions, notes, signal } = this.#context;
    let isTold = false;
    for (let rounds = 0; ; rounds++) {
      await this.#waiting.ask(() => replicationSource.writeBack());
      await replicationSource.writes.drain();
      this.#refuseMissed(generation);
      const leftBytes = dirty.bytes;
      const decision = this.#budget.decide({ leftBytes, rounds });
      if (decision === 'cutover') return;
      if (decision === 'give up' && !isTold) {
        isTold = true;
        notes.warn('the source is written faster than it can be staged');
      }
      const round = () => this.#stageDirty(sink, ioOptions, signal);
      await (leftBytes <= mostFrozenBytes ? replicationSource.almostReady(round) : round());
    }
  }

  async #stageLast(sink: Sink, signal: AbortSignal): Promise<void> {
    const { replicationSource, journal, dirty, ioOptions } = this.#context;
    const { endpoint, identity } = replicationSource.volume;
    const { path, sizeBytes } = identity;
    const { bytes } = dirty;
    // More may have been written since the last round than a freeze may copy.
    if (this.#budget.isBeyond(bytes)) {
      throw leftTooMuch({ code: 'EPOCH_TOO_LARGE', path, bytes, limit: 'time' });
    }
    // Writers wait, so the rate limit does not apply now.
    const urgent = { ...ioOptions, bytesPerSecond: 0 };
    await this.#stageDirty(sink, urgent, signal);
    await journal.stage(endpoint, signatureAreaOf(sizeBytes), urgent, { signal });
  }

  /** Stages all dirty ranges; those that could not be staged are dirty again. */
  async #stageDirty(sink: Sink, ioOptions: IoOptions, signal: AbortSignal): Promise<void> {
    const { replicationSource, dirty } = this.#context;
    const { sizeBytes } = replicationSource.volume.identity;
    // The signature area is staged last in every epoch.
    const extents = subtract(dirty.take(), signatureAreaOf(sizeBytes));
    if (extents.length === 0) return;
    const bytes = totalBytes(extents);
    this.#underWayBytes = bytes;
    const startedMs = performance.now();
    const progress = sink.progress();
    const onProgress: OnProgress = (now) => {
      this.#underWayBytes = bytes - now.completedBytes;
      progress(now);
    };
    try {
      await sink.write(extents, ioOptions, { signal, onProgress });
    } catch (error) {
      dirty.add(extents);
      throw error;
    } finally {
      this.#underWayBytes = 0;
    }
    this.#budget.measured(bytes, (performance.now() - startedMs) / 1000);
  }

  #refuseMissed(generation: number): void {
    const { replicationSource } = this.#context;
    if (replicationSource.writes.generation === generation) return;
    const { path } = replicationSource.volume.identity;
    throw new MissedWrites(path, 'the tracker was restarted', 'following');
  }
}
