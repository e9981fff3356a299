/** The source side of a replication: its writes, its map, and the moments that replicas share. */

import type { UsedMap } from '../../../fsparsers/index.js';
import { type HostVolume } from '../../volume/index.js';
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
  /** The commands around every freeze for an epoch. */
  readonly hooks: Hooks;
  /** Paths that this run writes: none may lie on the frozen file system. */
  readonly mustNotFreeze: readonly string[];
  readonly signal: AbortSignal;
  /** Called when the command after the freeze fails; the epoch stays valid. */
  readonly onHookFailure: (error: unknown) => void;
}

/** The freeze is retried anyway; meanwhile the status says what it waits for. */
const busyPatienceMs = 3000;

export class ReplicationSource {
  readonly volume: HostVolume;
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

  /** The command around a freeze that is running now. */
  get hook(): RunningHook | null {
    return this.#hooks.running;
  }

  /** The time limits of both commands together. */
  get longestHookMs(): number {
    return this.#hooks.longestMs;
  }

  /** Maps the source at one moment. The tracker shows what is allocated later. */
  map(): Promise<UsedMap> {
    this.#mapping ??= this.#readMap().finally(() => {
      this.#mapping = null;
    });
    return this.#mapping;
  }

  /** Makes a mounted file system write back its dirty pages, so that the freeze need not. */
  async writeBack(): Promise<void> {
    await writeBack(this.volume.identity, this.#options.signal).catch((error: unknown) => {
      // A file system that cannot be frozen now is reported by the freeze.
      if (!isNotMounted(error) && !isUnfreezable(error)) throw error;
    });
  }

  /** Runs an action after which the caller will call point(); other callers wait for it briefly. */
  almostReady<Result>(action: () => Promise<Result>): Promise<Result> {
    return this.#shared.almostReady(action);
  }

  /**
   * Waits for a moment at which the participant has staged its last ranges. Participants that wait at the
   * same time share one. Rejects as freeze() does, with SOURCE_NOT_QUIET and WRITES_MISSED, and as
   * `stageLast` does; ranges staged before that stay valid for another attempt.
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
