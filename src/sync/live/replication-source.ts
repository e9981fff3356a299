/** The source's side of following: its writes, what of it is in use, and the moments when it stands still. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { ByteReader, UsedMap } from '../../../fsparsers/index.js';
import { exitCodes, FastsyncError } from '../../errors.js';
import { eachExtent, emptyExtents, type ExtentList, totalBytes } from '../../region/index.js';
import type { Tracker } from '../../tracker/index.js';
import { freeze, identifyVolume, type Volume } from '../../volume/index.js';
import { type HookName, type Hooks, runHook } from '../consistency/hooks.js';
import { writeBack } from '../consistency/write-back.js';
import type { DirtySet } from '../consistency/dirty-set.js';
import { MissedWrites } from './errors.js';

export interface ReplicationSourceOptions {
  readonly volume: Volume;
  readonly startTracker: (volume: Volume) => Promise<Tracker>;
  readonly readMap: (reader: ByteReader, signal: AbortSignal) => Promise<UsedMap>;
  readonly maxFreezeMs: number;
  /** Around every freeze that an epoch is the state of. */
  readonly hooks: Hooks;
  /** What we write to ourselves: none of it may lie on the file system that is frozen. */
  readonly mustNotFreeze: readonly string[];
  readonly signal: AbortSignal;
  readonly onMissed: (error: MissedWrites) => void;
  /** The command after the freeze failed: the epoch is what it is. */
  readonly onHookFailure: (error: unknown) => void;
}

/** Somebody who takes part in a freeze: copies what is left of its dirty set. */
export interface Participant {
  readonly dirty: DirtySet;
  /** Copies all of `dirty`, and what belongs into every epoch. Rejects when `signal` fires. */
  stageLast(signal: AbortSignal): Promise<void>;
}

/** A moment when the source stood still, and everything of that moment was staged. */
export interface ConsistencyPoint {
  /** Milliseconds since 1970. */
  readonly frozenAt: number;
  /** How long writers had to wait; 0 where nothing is mounted. */
  readonly heldMs: number;
}

export interface RunningHook {
  readonly name: HookName;
  /** Milliseconds since 1970. */
  readonly since: number;
}

interface Waiting {
  readonly participant: Participant;
  readonly resolve: (point: ConsistencyPoint) => void;
  readonly reject: (error: unknown) => void;
}

/** Those who are almost ready are waited for so long, so that one freeze serves them all. */
const gatherMs = 300;
const gatherPollMs = 20;

const quietTries = 5;
/** It is tried again in any case; meanwhile it is said what is waited for. */
const busyPatienceMs = 3000;

/** ext4 writes its superblock when it is thawed; with the tracker's granularity that is this much. */
const ownWriteBytes = 64 * 1024;
/** The superblocks of XFS and ext4. */
const superblocks = [
  [0, 512],
  [1024, 2048],
] as const;

export class ReplicationSource {
  readonly volume: Volume;
  /** Followers that are about to be ready for a freeze. */
  almostReady = 0;
  readonly #options: ReplicationSourceOptions;
  readonly #sets = new Set<DirtySet>();
  #tracker: Tracker;
  /** Counts the trackers: what was collected under another one proves nothing. */
  #generation = 0;
  /** What takes marks, or counts them, comes one after the other: in between they are nowhere. */
  #turn: Promise<unknown> = Promise.resolve();
  #waiting: Waiting[] = [];
  #freezing: Promise<void> | null = null;
  #mapping: Promise<UsedMap> | null = null;
  #hook: RunningHook | null = null;

  private constructor(options: ReplicationSourceOptions, tracker: Tracker) {
    this.volume = options.volume;
    this.#options = options;
    this.#tracker = tracker;
  }

  /** Starts to track. Rejects as startTracker() does. */
  static async start(options: ReplicationSourceOptions): Promise<ReplicationSource> {
    return new ReplicationSource(options, await options.startTracker(options.volume));
  }

  get generation(): number {
    return this.#generation;
  }

  /** The command around a freeze that runs just now. */
  get hook(): RunningHook | null {
    return this.#hook;
  }

  /** How long those commands may take together. */
  get longestHookMs(): number {
    const { beforeFreeze, afterFreeze, timeoutMs } = this.#options.hooks;
    return [beforeFreeze, afterFreeze].filter((one) => one !== null).length * timeoutMs;
  }

  get granularityBytes(): number {
    return this.#tracker.granularityBytes;
  }

  /** From now on every write ends up in `set`. */
  subscribe(set: DirtySet): void {
    this.#sets.add(set);
  }

  /**
   * Hands what was written since the last drain to every set. After that, a range that is read holds
   * what was written before, or comes again. Gives the bytes. `isReason` as DirtySet.add() has it.
   */
  drain(isReason: (dirty: ExtentList) => boolean = () => true): Promise<number> {
    return this.#inTurn(() => this.#drain(isReason));
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

  /** What is in use, read while the source stands still. What is allocated later, the tracker shows. */
  map(): Promise<UsedMap> {
    const reader = this.volume.directReader;
    const { readMap, signal } = this.#options;
    this.#mapping ??= this.writeBack()
      // Once in vain: the second time, when writers wait, the disk has seen the places.
      .then(() => readMap(reader, signal).catch(() => undefined))
      .then(() => this.#still((stop) => readMap(reader, stop)))
      .then(({ result }) => result)
      .finally(() => {
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

  /**
   * Waits for a moment when the source stands still and the participant has staged the last of it.
   * Several that wait share one freeze. Rejects as freeze() does, with SOURCE_NOT_QUIET, with
   * WRITES_MISSED, and as `stageLast` does; what was staged until then is still good for another try.
   */
  point(participant: Participant): Promise<ConsistencyPoint> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ participant, resolve, reject });
      this.#freezing ??= this.#points().finally(() => {
        this.#freezing = null;
      });
    });
  }

  async stop(): Promise<void> {
    await this.#turn;
    await this.#tracker.stop();
  }

  #inTurn<T>(action: () => Promise<T>): Promise<T> {
    const next = this.#turn.then(action);
    this.#turn = next.catch(() => undefined);
    return next;
  }

  async #drain(isReason: (dirty: ExtentList) => boolean): Promise<number> {
    const { dirty, missed } = await this.#tracker.drain();
    for (const set of this.#sets) set.add(dirty, isReason(dirty));
    if (missed !== null) await this.#restart(missed);
    return totalBytes(dirty);
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
    onMissed(new MissedWrites(volume.identity.path, reason));
  }

  async #points(): Promise<void> {
    while (this.#waiting.length > 0) {
      for (let waited = 0; this.almostReady > 0 && waited < gatherMs; waited += gatherPollMs) {
        await sleep(gatherPollMs);
      }
      const together = this.#waiting.splice(0);
      try {
        const { point, outcomes } = await this.#stillFor(together.map((one) => one.participant));
        for (const [index, { resolve, reject }] of together.entries()) {
          const outcome = outcomes[index];
          if (outcome?.status === 'rejected') reject(outcome.reason);
          else resolve(point);
        }
      } catch (error) {
        for (const { reject } of together) reject(error);
      }
    }
  }

  async #stillFor(participants: readonly Participant[]) {
    const before = this.#generation;
    const stageAll = (signal: AbortSignal) =>
      Promise.allSettled(participants.map((one) => one.stageLast(signal)));
    const { result, ...point } = await this.#hooked(() => this.#still(stageAll));
    if (this.#generation !== before) throw missedMeanwhile(this.volume);
    return { point, outcomes: result };
  }

  async #hooked<T>(action: () => Promise<T>): Promise<T> {
    const { onHookFailure } = this.#options;
    try {
      await this.#runHook('before-freeze');
      return await action();
    } finally {
      // Also after a failure, and when stopped: whoever was told to wait must be told to go on.
      await this.#runHook('after-freeze').catch(onHookFailure);
    }
  }

  async #runHook(name: HookName): Promise<void> {
    const { hooks, signal } = this.#options;
    this.#hook = { name, since: Date.now() };
    try {
      await runHook(name, hooks, { FASTSYNC_SOURCE: this.volume.identity.path }, signal);
    } finally {
      this.#hook = null;
    }
  }

  /** Runs the action while the source stands still, when all earlier writes are in the sets. */
  async #still<T>(
    action: (signal: AbortSignal) => Promise<T>,
  ): Promise<ConsistencyPoint & { result: T }> {
    try {
      return await this.#frozen(action);
    } catch (error) {
      if (isNotMounted(error)) return this.#quiet(action);
      throw error;
    }
  }

  async #frozen<T>(
    action: (signal: AbortSignal) => Promise<T>,
  ): Promise<ConsistencyPoint & { result: T }> {
    const { volume, maxFreezeMs, mustNotFreeze, signal } = this.#options;
    const { identity } = volume;
    const request = { volume: identity, maxFreezeMs, busyPatienceMs, mustNotFreeze, signal };
    await using frozen = await freeze(request);
    const frozenAt = Math.round(Date.now() - (performance.now() - frozen.frozenAtMs));
    await this.drain();
    const before = await this.#beginning();
    const result = await action(AbortSignal.any([frozen.expired, signal]));
    const { heldMs } = await frozen.thaw();
    await this.#drainOwnWrite(before);
    return { result, frozenAt, heldMs: frozen.freezeCallMs + heldMs };
  }

  /**
   * What the thaw itself wrote is no reason for another epoch: an idle source would never be idle. But who
   * had to wait for the thaw may have been as fast: whatever else there was written is a reason.
   */
  async #drainOwnWrite(before: Buffer): Promise<void> {
    let small: ExtentList = emptyExtents;
    await this.drain((dirty) => {
      if (!isAtBeginning(dirty)) return true;
      small = dirty;
      return false;
    });
    if (small.length === 0 || (await this.#beginning()).equals(before)) return;
    for (const set of this.#sets) set.add(small);
  }

  /** Where the thaw writes, without what it writes. */
  async #beginning(): Promise<Buffer> {
    const { directReader } = this.volume;
    const length = Math.min(ownWriteBytes, directReader.sizeBytes);
    const bytes = Buffer.from(await directReader.read(0, length));
    for (const [start, end] of superblocks) bytes.fill(0, start, end);
    return bytes;
  }

  /** Nothing is mounted, so nothing can be frozen: a moment when nothing was written does as well. */
  async #quiet<T>(
    action: (signal: AbortSignal) => Promise<T>,
  ): Promise<ConsistencyPoint & { result: T }> {
    await this.drain();
    for (let tries = 0; tries < quietTries; tries++) {
      const frozenAt = Date.now();
      const result = await action(this.#options.signal);
      if ((await this.drain()) === 0) return { result, frozenAt, heldMs: 0 };
    }
    throw new FastsyncError({
      code: 'SOURCE_NOT_QUIET',
      exitCode: exitCodes.incomplete,
      message: `${this.volume.identity.path} is not mounted, and is written to without a pause: there is no moment to copy`,
      remedy: 'let the writer rest for a moment',
    });
  }
}

function isAtBeginning(dirty: ExtentList): boolean {
  return [...eachExtent(dirty)].every(({ start, length }) => start + length <= ownWriteBytes);
}

/** Journals and targets end where the source ended. */
function resized(path: string, sizeBytes: number, nowBytes: number): FastsyncError {
  return new FastsyncError({
    code: 'SOURCE_RESIZED',
    exitCode: exitCodes.refused,
    message: `${path} had ${sizeBytes} bytes and now has ${nowBytes}; its targets stay the state of their last epoch`,
    remedy: 'make the targets as large, and start again',
  });
}

function missedMeanwhile({ identity }: Volume): MissedWrites {
  return new MissedWrites(identity.path, 'the tracker was started anew meanwhile');
}

function isUnfreezable(error: unknown): boolean {
  return error instanceof FastsyncError && error.code === 'FREEZE_UNSUPPORTED';
}

function isNotMounted(error: unknown): boolean {
  return error instanceof FastsyncError && error.code === 'NOT_MOUNTED';
}
