/** Following a source with any number of targets, each at its own pace, until it is told to stop. */

import { realpath } from 'node:fs/promises';
import path from 'node:path';
import { mapVolume, type MapOptions } from '../../../fsparsers/index.js';
import type { IoOptions } from '../../engine/index.js';
import { FastsyncError } from '../../errors.js';
import type { Reporter } from '../../report/index.js';
import { startTracker } from '../../tracker/index.js';
import {
  hazardRefusals,
  identifyTarget,
  identifyVolume,
  type Volume,
  refusalError,
} from '../../volume/index.js';
import type { Hooks } from '../consistency/hooks.js';
import { openTargets, type Target } from '../targets.js';
import { targetChanged } from './errors.js';
import { Replica, type LiveState } from './replica.js';
import { Journal } from './journal.js';
import { ReplicationSource, type ReplicationSourceOptions } from './replication-source.js';
import type { PreparedLive } from './prepare.js';
import {
  liveDirectory,
  lockPair,
  newReplicaRecord,
  pairKey,
  type ReplicaRecord,
} from './replica-file.js';
import { replicaFile, replicaSuffix } from './replica-file.js';
import { type LiveNews, statusSuffix, StatusWriter } from './status-file.js';

export interface LiveOptions {
  readonly intervalMs: number;
  readonly maxFreezeMs: number;
  readonly stateDirectory: string;
  readonly journalDirectory: string;
  readonly map: MapOptions;
  readonly hooks: Hooks;
  readonly ioOptions: IoOptions;
  /** The user has said that targets which others hold may be written. */
  readonly exclusive: boolean;
}

export interface LiveContext {
  readonly reporter: Reporter;
  readonly signal: AbortSignal;
  /** Called when an epoch is on a target; the next one to it waits. */
  readonly onEpoch?: (replicaRecord: ReplicaRecord) => Promise<void>;
  /** Called about every second with all targets. */
  readonly onLook?: (targets: readonly LiveResult[]) => void;
  readonly startTracker?: ReplicationSourceOptions['startTracker'];
}

export interface LiveResult {
  readonly target: string;
  readonly state: LiveState;
  readonly dirtyBytes: number;
  readonly epoch: number;
  /** Milliseconds since 1970; null: the target is the state of no moment yet. */
  readonly consistentAt: number | null;
  /** Why it was given up, or what it was last waiting to try again; null if nothing is wrong. */
  readonly error: Error | null;
}

const lookEveryMs = 1000;

/** Runs until the signal. Rejects where no target is left to follow with, as that target did. */
export async function live(
  prepared: PreparedLive,
  options: LiveOptions,
  context: LiveContext,
): Promise<LiveResult[]> {
  const { source, targets } = prepared;
  const { reporter, signal } = context;
  const names = targets.map(({ target }) => target.path);
  const replicationSource = await ReplicationSource.start({
    volume: source,
    startTracker: context.startTracker ?? startTracker,
    readMap: async (reader, stop) => {
      const { kind, logicalBlockBytes: sectorBytes } = source.identity;
      const sized = kind === 'block' ? { sectorBytes } : {};
      const map = await mapVolume(reader, {
        ...options.map,
        ...sized,
        writersWait: true,
        signal: stop,
      });
      const [hazard] = hazardRefusals(source.identity, map.hazards ?? []);
      if (hazard !== undefined) throw refusalError(hazard);
      return map;
    },
    maxFreezeMs: options.maxFreezeMs,
    hooks: options.hooks,
    mustNotFreeze: [...names, options.stateDirectory, options.journalDirectory],
    signal,
    onMissed: ({ code, message, remedy }) => {
      const text = `${message}; ${remedy ?? ''}`;
      reporter.report({ type: 'note', severity: 'warning', code, message: text });
    },
    onHookFailure: (error) => {
      const message = error instanceof Error ? error.message : String(error);
      reporter.report({ type: 'note', severity: 'warning', code: 'HOOK_FAILED', message });
    },
  });
  const held: AsyncDisposable[] = [];
  try {
    const tasks: ReplicaTask[] = [];
    for (const one of targets) {
      tasks.push(await replicaTaskOf(one, replicationSource, prepared, options, context, held));
    }
    return await runAll(tasks, replicationSource, context);
  } finally {
    await replicationSource.stop();
    for (const one of held.reverse()) await one[Symbol.asyncDispose]();
  }
}

/** One target with what belongs to it. */
interface ReplicaTask {
  readonly replica: Replica;
  readonly status: StatusWriter;
}

async function replicaTaskOf(
  { target, begin }: PreparedLive['targets'][number],
  replicationSource: ReplicationSource,
  { source }: PreparedLive,
  options: LiveOptions,
  context: LiveContext,
  held: AsyncDisposable[],
): Promise<ReplicaTask> {
  const { intervalMs, maxFreezeMs, ioOptions, journalDirectory, stateDirectory } = options;
  const { identity } = source;
  const stableId = target.facts?.identity.stableId ?? (await futurePath(target.path));
  const key = pairKey(identity.stableId, stableId);
  const directory = liveDirectory(stateDirectory);
  held.push(await lockPair(key, target.path));
  const file = replicaFile(path.join(directory, `${key}${replicaSuffix}`));
  const known = {
    source: { path: identity.path, stableId: identity.stableId },
    target: { path: target.path, stableId },
    journalDirectory: path.resolve(journalDirectory),
  };
  const replicaRecord = { ...((await file.load()) ?? newReplicaRecord(known)), ...known };
  // Known before the first byte is staged: recovery finds the journal by it.
  await file.save(replicaRecord);
  const journal = await Journal.open(journalDirectory, key, identity.sizeBytes);
  held.push(journal);
  const status = new StatusWriter(
    path.join(directory, `${key}${statusSuffix}`),
    async () => newsOf(replica, await unseenOn(replicationSource), intervalMs),
    (message) => {
      const note = { type: 'note', severity: 'warning', code: 'STATUS_NOT_WRITTEN' } as const;
      context.reporter.report({ ...note, message });
    },
  );
  const replica: Replica = new Replica({
    replicationSource,
    name: target.path,
    open: opener(target, stableId, source, options.exclusive),
    journal,
    replicaRecord,
    replicaFile: file,
    begin,
    intervalMs,
    maxFreezeMs,
    ioOptions,
    reporter: context.reporter,
    signal: context.signal,
    onEpoch: context.onEpoch ?? null,
    onState: () => {
      void status.update();
    },
  });
  return { replica, status };
}

/** What a file that is still to be made will be called without symbolic links. */
async function futurePath(name: string): Promise<string> {
  return path.join(await realpath(path.dirname(path.resolve(name))), path.basename(name));
}

/** Opens a target under its lock, the first time and again after it failed. */
function opener(target: Target, stableId: string, source: Volume, exclusive: boolean) {
  let wasThere = target.facts !== null;
  return async () => {
    // What was there and is gone is waited for, not made anew: in the place of a disk that would be a file.
    const identity = await (wasThere ? identifyVolume : identifyTarget)(target.path);
    if (identity !== null && identity.stableId !== stableId && target.facts !== null) {
      throw targetChanged(target.path);
    }
    const blank = { mounts: [], swaps: [], holders: [], writers: [] };
    const found = { usage: blank, holds: [], sharedWith: null, ...target.facts };
    const facts = identity === null ? null : { ...found, identity };
    const set = await openTargets([{ ...target, facts }], {
      sizeBytes: source.identity.sizeBytes,
      exclusive,
    });
    const [opened] = set.targets;
    if (opened === undefined) throw new Error('a target that was opened is not there');
    wasThere = true;
    return { volume: opened.volume, [Symbol.asyncDispose]: () => set[Symbol.asyncDispose]() };
  };
}

async function runAll(
  tasks: readonly ReplicaTask[],
  replicationSource: ReplicationSource,
  { onLook, reporter, signal }: LiveContext,
): Promise<LiveResult[]> {
  const errors = new Map<Replica, unknown>();
  const running = Promise.all(
    tasks.map(async ({ replica }) => {
      try {
        await replica.run();
      } catch (error) {
        errors.set(replica, error);
        if (errors.size === tasks.length) return;
        const { code, message, remedy } = error as Partial<FastsyncError>;
        const text = `${replica.name} is given up: ${message ?? String(error)}`;
        reporter.report({
          type: 'error',
          code: code ?? 'INTERNAL',
          message: text,
          remedy: remedy ?? null,
        });
      }
    }),
  );
  const look = async () => {
    await Promise.all(tasks.map(({ status }) => status.update()));
    const unseen = await unseenOn(replicationSource);
    const results = tasks.map(({ replica }) => resultOf(replica, unseen));
    onLook?.(results);
    return results;
  };
  const over = running.then(() => true);
  do await look();
  while (!(await Promise.race([over, pause(lookEveryMs, signal)])));
  const results = await look();
  // Those that were given up did not stop because they were told to.
  if (errors.size === tasks.length) throw errors.values().next().value;
  return results;
}

/** Bytes that were written until the call and are in no dirty set yet, or why nobody knows. */
type Unseen = number | Error;

function unseenOn(replicationSource: ReplicationSource): Promise<Unseen> {
  return replicationSource.look().catch((reason: unknown) => {
    return reason instanceof Error ? reason : new Error(String(reason));
  });
}

function resultOf(replica: Replica, unseen: Unseen): LiveResult {
  const { state, error } = replica.state;
  const { epoch, consistentAt } = replica.replicaRecord;
  const [unseenBytes, trouble] = typeof unseen === 'number' ? [unseen, null] : [0, unseen];
  const dirtyBytes = replica.behindBytes + unseenBytes;
  return { target: replica.name, state, dirtyBytes, epoch, consistentAt, error: error ?? trouble };
}

function newsOf(replica: Replica, unseen: Unseen, intervalMs: number): LiveNews {
  const { state, since, hook, errorSince } = replica.state;
  const { source, target, epoch, consistentAt } = replica.replicaRecord;
  const { dirtyBytes, error } = resultOf(replica, unseen);
  const { code } = (error ?? {}) as Partial<FastsyncError>;
  return {
    source,
    target,
    state,
    since,
    dirtyBytes,
    epoch,
    consistentAt,
    hook,
    error:
      error === null
        ? null
        : { code: code ?? 'INTERNAL', message: error.message, since: errorSince ?? Date.now() },
    intervalMs,
  };
}

/** False after that time, or as soon as the signal fires; one that has fired cuts nothing short. */
function pause(ms: number, signal: AbortSignal): Promise<false> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve(false);
    };
    const timer = setTimeout(end, ms);
    if (!signal.aborted) signal.addEventListener('abort', end);
  });
}
