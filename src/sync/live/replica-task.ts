/** One target and everything that belongs to it: its replica, journal, lock, and status file. */

import { realpath } from 'node:fs/promises';
import path from 'node:path';
import type { FastsyncError } from '../../errors.js';
import type { HostVolume } from '../../volume/index.js';
import { Journal } from './journal.js';
import type { LiveContext, LiveOptions, LiveResult } from './live-options.js';
import { targetOpener } from './open-target.js';
import type { LiveTarget } from './prepare.js';
import {
  liveDirectory,
  lockPair,
  newReplicaRecord,
  pairKey,
  replicaFile,
  replicaSuffix,
} from './replica-file.js';
import { ReplicaNotes } from './replica-notes.js';
import { ReplicaStore } from './replica-store.js';
import { Replica } from './replica.js';
import type { ReplicationSource } from './replication-source.js';
import { type LiveNews, statusSuffix, StatusWriter } from './status-file.js';

export interface ReplicaTaskOptions {
  readonly source: HostVolume;
  readonly target: LiveTarget;
  readonly replicationSource: ReplicationSource;
  readonly options: LiveOptions;
  readonly context: LiveContext;
}

/** Bytes written until the call that are in no dirty set yet, or why that is unknown. */
export type Unseen = number | Error;

export function unseenOn({ writes }: ReplicationSource): Promise<Unseen> {
  return writes.look().catch((reason: unknown) => {
    return reason instanceof Error ? reason : new Error(String(reason));
  });
}

interface Pair {
  readonly key: string;
  readonly store: ReplicaStore;
}

export class ReplicaTask implements AsyncDisposable {
  readonly replica: Replica;
  /** The status file that `fastsync status` reads. */
  readonly status: StatusWriter;
  readonly #intervalMs: number;
  readonly #held: readonly AsyncDisposable[];

  private constructor(
    pair: Pair,
    journal: Journal,
    held: readonly AsyncDisposable[],
    { source, target: { target, begin }, replicationSource, options, context }: ReplicaTaskOptions,
  ) {
    const { intervalMs, maxFreezeMs, ioOptions, stateDirectory, exclusive } = options;
    const { reporter, signal, stalls, onEpoch = null } = context;
    const { sizeBytes } = source.identity;
    const { stableId } = pair.store.record.target;
    this.#intervalMs = intervalMs;
    this.#held = held;
    this.status = new StatusWriter(
      path.join(liveDirectory(stateDirectory), `${pair.key}${statusSuffix}`),
      async () => this.#newsWith(await unseenOn(replicationSource)),
      (message) => {
        reporter.report({ type: 'note', severity: 'warning', code: 'STATUS_NOT_WRITTEN', message });
      },
    );
    this.replica = new Replica({
      name: target.path,
      replicationSource,
      open: targetOpener(target, { stableId, sizeBytes, exclusive }),
      journal,
      store: pair.store,
      begin,
      intervalMs,
      maxFreezeMs,
      ioOptions,
      notes: new ReplicaNotes(target.path, reporter),
      signal,
      stalls,
      onEpoch,
      onState: () => {
        void this.status.update();
      },
    });
  }

  /** Takes the lock of the pair and opens its journal. Rejects with LOCKED, and as Journal.open() does. */
  static async open(task: ReplicaTaskOptions): Promise<ReplicaTask> {
    const { source, target, options } = task;
    const { path: name, facts } = target.target;
    const stableId = facts?.identity.stableId ?? (await futurePath(name));
    const key = pairKey(source.identity.stableId, stableId);
    const lock = await lockPair(key, name);
    try {
      const store = await storeOf(key, stableId, task);
      const { sizeBytes } = source.identity;
      const journal = await Journal.open(options.journalDirectory, key, sizeBytes);
      return new ReplicaTask({ key, store }, journal, [journal, lock], task);
    } catch (error) {
      await lock[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The present state as a result. */
  resultWith(unseen: Unseen): LiveResult {
    const { name, behindBytes, record } = this.replica;
    const { state, error } = this.replica.state;
    const { epoch, consistentAt } = record;
    const [unseenBytes, trouble] = typeof unseen === 'number' ? [unseen, null] : [0, unseen];
    const dirtyBytes = behindBytes + unseenBytes;
    return { target: name, state, dirtyBytes, epoch, consistentAt, error: error ?? trouble };
  }

  #newsWith(unseen: Unseen): LiveNews {
    const { state, since, hook, errorSince } = this.replica.state;
    const { source, target } = this.replica.record;
    const { dirtyBytes, epoch, consistentAt, error } = this.resultWith(unseen);
    const { code = 'INTERNAL' } = (error ?? {}) as Partial<FastsyncError>;
    const told = error && { code, message: error.message, since: errorSince ?? Date.now() };
    const now = { state, since, dirtyBytes, epoch, consistentAt, hook, error: told };
    return { source, target, ...now, intervalMs: this.#intervalMs };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const one of this.#held) await one[Symbol.asyncDispose]();
  }
}

/** Saved before the first byte is staged, so that recovery finds the journal. */
async function storeOf(
  key: string,
  stableId: string,
  { source, target, options }: ReplicaTaskOptions,
): Promise<ReplicaStore> {
  const directory = liveDirectory(options.stateDirectory);
  const file = replicaFile(path.join(directory, `${key}${replicaSuffix}`));
  const known = {
    source: { path: source.identity.path, stableId: source.identity.stableId },
    target: { path: target.target.path, stableId },
    journalDirectory: path.resolve(options.journalDirectory),
  };
  const store = new ReplicaStore(file, (await file.load()) ?? newReplicaRecord(known));
  await store.save(known);
  return store;
}

/** The path, without symbolic links, of a file that does not exist yet. */
async function futurePath(name: string): Promise<string> {
  return path.join(await realpath(path.dirname(path.resolve(name))), path.basename(name));
}
