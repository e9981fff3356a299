/** The writes to a replicated source: one tracker, whose dirty ranges go to every replica. */

import { exitCodes, FastsyncError } from '../../errors.js';
import { type ExtentList, totalBytes } from '../../region/index.js';
import type { Tracker } from '../../tracker/index.js';
import { identifyVolume, type HostVolume } from '../../volume/index.js';
import type { DirtySet } from '../consistency/dirty-set.js';
import { MissedWrites } from '../consistency/errors.js';
import type { OwnWrites } from '../consistency/own-writes.js';

export interface SourceWritesOptions {
  readonly volume: HostVolume;
  readonly startTracker: (volume: HostVolume) => Promise<Tracker>;
  readonly onMissed: (error: MissedWrites) => void;
}

export class SourceWrites {
  readonly #options: SourceWritesOptions;
  readonly #sets = new Set<DirtySet>();
  #tracker: Tracker;
  #generation = 0;
  /** Drains and counts run one after another: during a drain the dirty ranges are in no set. */
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(options: SourceWritesOptions, tracker: Tracker) {
    this.#options = options;
    this.#tracker = tracker;
  }

  /** Starts to track. Rejects as startTracker() does. */
  static async start(options: SourceWritesOptions): Promise<SourceWrites> {
    return new SourceWrites(options, await options.startTracker(options.volume));
  }

  /** Counts the trackers: ranges collected by an earlier one prove nothing. */
  get generation(): number {
    return this.#generation;
  }

  get granularityBytes(): number {
    return this.#tracker.granularityBytes;
  }

  /** Adds every write from now on to `set`. */
  subscribe(set: DirtySet): void {
    this.#sets.add(set);
  }

  /**
   * Adds what was written since the last drain to every set, and resolves with its bytes. A range that is
   * read afterwards holds what was written before the drain, or is dirty in a later drain.
   */
  drain(): Promise<number> {
    return this.#inTurn(async () => {
      return totalBytes(
        await this.#handOver((set, written) => {
          set.add(written);
        }),
      );
    });
  }

  /** The same after the release of a moment: what the release itself wrote is no reason for an epoch. */
  drainOwn(own: OwnWrites): Promise<void> {
    return this.#inTurn(async () => {
      const written = await this.#handOver((set, extents) => {
        if (own.covers(extents)) set.addQuietly(extents);
        else set.add(extents);
      });
      const isDoubtful = written.length > 0 && own.covers(written);
      if (!isDoubtful || (await own.areAll())) return;
      for (const set of this.#sets) set.add(written);
    });
  }

  /**
   * Bytes written until this call that are in no set yet; it may also count bytes that enter a set before
   * it resolves. Checks whether writes were missed.
   */
  async look(): Promise<number> {
    const { missed } = await this.#tracker.health();
    if (missed !== null) await this.drain();
    return this.#inTurn(async () => (await this.#tracker.peek()).dirtyBytes);
  }

  async stop(): Promise<void> {
    await this.#turn;
    await this.#tracker.stop();
  }

  #inTurn<Result>(action: () => Promise<Result>): Promise<Result> {
    const next = this.#turn.then(action);
    this.#turn = next.catch(() => undefined);
    return next;
  }

  async #handOver(add: (set: DirtySet, written: ExtentList) => void): Promise<ExtentList> {
    const { dirty, missed } = await this.#tracker.drain();
    for (const set of this.#sets) add(set, dirty);
    if (missed !== null) await this.#restart(missed);
    return dirty;
  }

  /** The new tracker starts before the old one stops, so that no write goes unseen. */
  async #restart(reason: string): Promise<void> {
    const { volume, startTracker, onMissed } = this.#options;
    const old = this.#tracker;
    const { path, sizeBytes } = volume.identity;
    const now = await identifyVolume(path);
    if (now.sizeBytes !== sizeBytes) throw resized(path, sizeBytes, now.sizeBytes);
    this.#tracker = await startTracker(volume);
    this.#generation++;
    await old.stop();
    onMissed(new MissedWrites(path, reason, 'following'));
  }
}

/** Journals and targets have the old size of the source. */
function resized(path: string, sizeBytes: number, nowBytes: number): FastsyncError {
  return new FastsyncError({
    code: 'SOURCE_RESIZED',
    exitCode: exitCodes.refused,
    message: `${path} had ${sizeBytes} bytes and now has ${nowBytes}; its targets keep their last epoch`,
    remedy: 'resize the targets to match, and start again',
  });
}
