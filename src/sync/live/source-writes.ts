/** What is written to a source that replicas follow: one tracker, whose marks every replica gets. */

import { exitCodes, FastsyncError } from '../../errors.js';
import { type ExtentList, totalBytes } from '../../region/index.js';
import type { Tracker } from '../../tracker/index.js';
import { identifyVolume, type Volume } from '../../volume/index.js';
import type { DirtySet } from '../consistency/dirty-set.js';
import { MissedWrites } from '../consistency/errors.js';
import type { OwnWrites } from '../consistency/own-writes.js';

export interface SourceWritesOptions {
  readonly volume: Volume;
  readonly startTracker: (volume: Volume) => Promise<Tracker>;
  readonly onMissed: (error: MissedWrites) => void;
}

export class SourceWrites {
  readonly #options: SourceWritesOptions;
  readonly #sets = new Set<DirtySet>();
  #tracker: Tracker;
  #generation = 0;
  /** What takes marks, or counts them, comes one after the other: in between they are nowhere. */
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(options: SourceWritesOptions, tracker: Tracker) {
    this.#options = options;
    this.#tracker = tracker;
  }

  /** Starts to track. Rejects as startTracker() does. */
  static async start(options: SourceWritesOptions): Promise<SourceWrites> {
    return new SourceWrites(options, await options.startTracker(options.volume));
  }

  /** Counts the trackers: what was collected under another one proves nothing. */
  get generation(): number {
    return this.#generation;
  }

  get granularityBytes(): number {
    return this.#tracker.granularityBytes;
  }

  /** From now on every write ends up in `set`. */
  subscribe(set: DirtySet): void {
    this.#sets.add(set);
  }

  /**
   * Hands what was written since the last drain to every set, and resolves with its bytes. After that,
   * a range that is read holds what was written before, or comes again.
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

  /** The same, after a moment was released: what the release wrote by itself is no reason for an epoch. */
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
   * Bytes that were written until this call and are in no set yet; what is in a set when it resolves, it
   * may count too. Looks whether any were missed.
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

  /** The new tracker runs before the old one ends: in between nothing is unseen. */
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

/** Journals and targets end where the source ended. */
function resized(path: string, sizeBytes: number, nowBytes: number): FastsyncError {
  return new FastsyncError({
    code: 'SOURCE_RESIZED',
    exitCode: exitCodes.refused,
    message: `${path} had ${sizeBytes} bytes and now has ${nowBytes}; its targets keep their last epoch`,
    remedy: 'resize the targets to match, and start again',
  });
}
