/** The source's side of following: its writes, what of it is in use, and the moments that replicas share. */

import type { UsedMap } from '../../../fsparsers/index.js';
import { type Volume } from '../../volume/index.js';
import { isNotMounted, isUnfreezable, MissedWrites } from '../consistency/errors.js';
import { FreezeHooks, type RunningHook } from '../consistency/freeze-hooks.js';
import type { Hooks } from '../consistency/hooks.js';
import { mapAtOneMoment, type ReadMap, rehearseMap } from '../consistency/map-at-moment.js';
import { OwnWritesPoints } from '../consistency/own-writes.js';
import {
  atOneMoment,
  type ConsistencyPoint,
  type PointSource,
} from '../consistency/point-source.js';
import { VolumePoints } from '../consistency/volume-points.js';
import { writeBack } from '../consistency/write-back.js';
import { type Participant, SharedPoints } from './shared-points.js';
import { SourceWrites, type SourceWritesOptions } from './source-writes.js';

export interface ReplicationSourceOptions extends SourceWritesOptions {
  readonly readMap: ReadMap;
  readonly maxFreezeMs: number;
  /** Around every freeze that an epoch is the state of. */
  readonly hooks: Hooks;
  /** What we write to ourselves: none of it may lie on the file system that is frozen. */
  readonly mustNotFreeze: readonly string[];
  readonly signal: AbortSignal;
  /** The command after the freeze failed: the epoch is what it is. */
  readonly onHookFailure: (error: unknown) => void;
}

/** It is tried again in any case; meanwhile the status says what is waited for. */
const busyPatienceMs = 3000;

export class ReplicationSource {
  readonly volume: Volume;
  readonly writes: SourceWrites;
  readonly #options: ReplicationSourceOptions;
  readonly #points: PointSource;
  readonly #shared: SharedPoints;
  readonly #hooks: FreezeHooks;
  #mapping: Promise<UsedMap> | null = null;

  private constructor(options: ReplicationSourceOptions, writes: SourceWrites) {
    const { volume, maxFreezeMs, mustNotFreeze, hooks, onHookFailure, signal } = options;
    const { path } = volume.identity;
    this.volume = volume;
    this.writes = writes;
    this.#options = options;
    const points = new VolumePoints({
      source: volume,
      maxFreezeMs,
      busyPatienceMs,
      mustNotFreeze,
      drain: () => writes.drain(),
      signal,
    });
    this.#points = new OwnWritesPoints(points, {
      reader: volume.directReader,
      drain: (own) => writes.drainOwn(own),
    });
    this.#hooks = new FreezeHooks({ hooks, path, onFailure: onHookFailure, signal });
    this.#shared = new SharedPoints((participants) => this.#takeTogether(participants));
  }

  /** Starts to track. Rejects as startTracker() does. */
  static async start(options: ReplicationSourceOptions): Promise<ReplicationSource> {
    return new ReplicationSource(options, await SourceWrites.start(options));
  }

  /** The command around a freeze that runs just now. */
  get hook(): RunningHook | null {
    return this.#hooks.running;
  }

  /** How long those commands may take together. */
  get longestHookMs(): number {
    return this.#hooks.longestMs;
  }

  /** What is in use at one moment. What is allocated later, the tracker shows. */
  map(): Promise<UsedMap> {
    this.#mapping ??= this.#readMap().finally(() => {
      this.#mapping = null;
    });
    return this.#mapping;
  }

  /** Has a mounted file system write back what is dirty, so that the freeze need not. */
  async writeBack(): Promise<void> {
    await writeBack(this.volume.identity, this.#options.signal).catch((error: unknown) => {
      // What cannot be frozen now is for the freeze to say.
      if (!isNotMounted(error) && !isUnfreezable(error)) throw error;
    });
  }

  /** Runs what leaves somebody ready to call point(): others wait for it for a moment. */
  almostReady<Result>(action: () => Promise<Result>): Promise<Result> {
    return this.#shared.almostReady(action);
  }

  /**
   * Waits for a moment at which the participant has staged the last of it. Several that wait share one.
   * Rejects as freeze() does, with SOURCE_NOT_QUIET, with WRITES_MISSED, and as `stageLast` does; what
   * was staged until then is still good for another try.
   */
  point(participant: Participant): Promise<ConsistencyPoint> {
    return this.#shared.join(participant);
  }

  stop(): Promise<void> {
    return this.writes.stop();
  }

  async #readMap(): Promise<UsedMap> {
    const { readMap, signal } = this.#options;
    await this.writeBack();
    await rehearseMap(this.volume.directReader, readMap, signal);
    return (await mapAtOneMoment(this.#points, readMap, signal)).map;
  }

  async #takeTogether(participants: readonly Participant[]) {
    const { signal } = this.#options;
    const { generation } = this.writes;
    const point = await this.#hooks.around(() =>
      atOneMoment(this.#points, ({ ended }) => {
        const stop = AbortSignal.any([ended, signal]);
        return Promise.allSettled(participants.map((one) => one.stageLast(stop)));
      }),
    );
    if (this.writes.generation !== generation) {
      const why = 'the tracker was restarted meanwhile';
      throw new MissedWrites(this.volume.identity.path, why, 'following');
    }
    return point;
  }
}
