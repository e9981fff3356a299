/** The status of a running replication for `fastsync status`: one small file for each target. */

import { readdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { makeDirectory } from '../../directories.js';
import type { FastsyncError } from '../../errors.js';
import { checkIsFile, ownFileError, readOwn, reasonOf } from '../../own-file.js';
import { bootId, processStart } from '../../volume/host/processes.js';
import { reach } from '../../reach.js';
import { isCount, isMoment } from '../state-file.js';
import type { HookName } from '../consistency/hooks.js';
import { type LiveState, liveStates } from './replica-state.js';
import { liveDirectory, isNamedVolume, type NamedVolume } from './replica-file.js';

const schema = 'fastsync-live/1';
export const statusSuffix = '.status.json';

export interface LiveStatus {
  readonly schema: typeof schema;
  /** The role of this host. */
  readonly role: 'source';
  readonly source: NamedVolume;
  readonly target: NamedVolume;
  readonly state: LiveState;
  /** Milliseconds since 1970: when it entered this state. */
  readonly since: number;
  /** Bytes that the target lacks; a lower bound while the source is being written. */
  readonly dirtyBytes: number;
  readonly epoch: number;
  /** Milliseconds since 1970: the target holds the complete state of this moment; null: of no moment yet. */
  readonly consistentAt: number | null;
  readonly error: {
    readonly code: string;
    readonly message: string;
    /** Milliseconds since 1970. */
    readonly since?: number;
  } | null;
  /** In the state `hook`: the command that it waits for. */
  readonly hook?: HookName | null;
  readonly intervalMs: number;
  readonly pid: number;
  readonly processStart: string | null;
  readonly bootId: string;
  /** Milliseconds since 1970: writes to the source until then are counted. */
  readonly updatedAt: number;
  /** The same moment by a clock that nobody can set: milliseconds of CLOCK_MONOTONIC. */
  readonly beatMs?: number;
}

export type LiveNews = Omit<
  LiveStatus,
  'schema' | 'role' | 'pid' | 'processStart' | 'bootId' | 'updatedAt' | 'beatMs'
>;

/** Keeps one status file up to date. Updates faster than it can write are merged: the latest wins. */
export class StatusWriter {
  readonly #file: string;
  readonly #look: () => Promise<LiveNews>;
  readonly #onTrouble: (message: string) => void;
  #trouble: string | null = null;
  #isDue = false;
  #writing: Promise<void> = Promise.resolve();

  /**
   * `look` collects the status. `onTrouble` is called once when the file cannot be written any more, and
   * again if the reason changes.
   */
  constructor(file: string, look: () => Promise<LiveNews>, onTrouble: (message: string) => void) {
    this.#file = file;
    this.#look = look;
    this.#onTrouble = onTrouble;
  }

  /** Resolves when a status collected after this call is in the file. */
  update(): Promise<void> {
    if (this.#isDue) return this.#writing;
    this.#isDue = true;
    this.#writing = this.#writing.then(async () => {
      this.#isDue = false;
      await this.#replace();
    });
    return this.#writing;
  }

  /** A failure to write the status must not end a working replication. */
  async #replace(): Promise<void> {
    let trouble: string | null = null;
    try {
      // Taken before the look, which does not include writes to the source made meanwhile.
      const moment = { updatedAt: Date.now(), beatMs: monotonicMs() };
      await writeStatus(this.#file, { ...(await this.#look()), ...moment });
    } catch (error) {
      trouble = `cannot write the status file ${this.#file}, so fastsync status shows an older one: ${reasonOf(error)}`;
    }
    if (trouble !== null && trouble !== this.#trouble) this.#onTrouble(trouble);
    this.#trouble = trouble;
  }
}

/** Replaces the file by rename. It is not flushed: after a crash of the host it is of no use. */
async function writeStatus(
  file: string,
  news: LiveNews & Pick<LiveStatus, 'updatedAt' | 'beatMs'>,
): Promise<void> {
  const status: LiveStatus = {
    schema,
    role: 'source',
    ...news,
    pid: process.pid,
    processStart: await processStart(process.pid),
    bootId: await bootId(),
  };
  await makeDirectory(path.dirname(file));
  const temporary = `${file}.${process.pid}.tmp`;
  try {
    await checkIsFile(file);
    await writeFile(temporary, `${JSON.stringify(status)}\n`, { mode: 0o600 });
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw error;
  }
}

/** The status is written about once a second; a run that is silent for this long is not working. */
const stalledAfterMs = 10_000;

/** A status as read from its file. */
export interface FoundStatus extends Omit<LiveStatus, 'state'> {
  /** `stalled`: the process exists but has not written its status for long: it is stopped, or hangs. */
  readonly state: LiveState | 'stalled';
  /** Whether the process that wrote it still runs. */
  readonly running: boolean;
  /**
   * How far the target lags behind, in milliseconds; 0 where nothing is dirty, null where the target does
   * not hold the state of any moment yet.
   */
  readonly lagMs: number | null;
}

/**
 * Every replication that was ever started with this state directory, by source and target. Rejects with
 * STATE_UNUSABLE: an unreadable status must not pass for none.
 */
export async function readStatuses(stateDirectory: string): Promise<FoundStatus[]> {
  const directory = liveDirectory(stateDirectory);
  await reach(directory);
  const names = (await namesIn(directory)).filter((name) => name.endsWith(statusSuffix));
  const found = await Promise.all(names.map((name) => readStatus(path.join(directory, name))));
  const nameOf = ({ source, target }: Pick<LiveStatus, 'source' | 'target'>) =>
    `${source.path}\0${target.path}`;
  return found.filter((status) => status !== null).sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
}

async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw unreadable(directory, error);
  }
}

function unreadable(file: string, error: unknown): FastsyncError {
  const remedy = 'run as the user who started them, or name their --state-dir';
  return ownFileError({ code: 'STATE_UNUSABLE', action: 'read', file, remedy }, error);
}

async function readStatus(file: string): Promise<FoundStatus | null> {
  const text = await readOwn(file).catch((error: unknown) => {
    throw unreadable(file, error);
  });
  let value: unknown;
  try {
    value = JSON.parse(text ?? '');
  } catch {
    return null;
  }
  if (!isStatus(value)) return null;
  const isAlive = value.bootId === (await bootId()) && (await isSame(value));
  const running = isAlive && value.state !== 'stopped';
  const found = running && silentMs(value) > stalledAfterMs ? 'stalled' : value.state;
  const seen = { state: found, running } as const;
  return { ...value, ...seen, lagMs: lagOf(value, seen) };
}

function silentMs({ beatMs, updatedAt }: LiveStatus): number {
  return beatMs === undefined ? Date.now() - updatedAt : monotonicMs() - beatMs;
}

/** The same clock for all processes, as long as the machine runs. */
function monotonicMs(): number {
  return Number(process.hrtime.bigint() / 1_000_000n);
}

async function isSame({ pid, processStart: start }: LiveStatus): Promise<boolean> {
  return start !== null && (await processStart(pid)) === start;
}

function lagOf(
  { consistentAt, dirtyBytes, error }: LiveStatus,
  { state, running }: Pick<FoundStatus, 'state' | 'running'>,
): number | null {
  if (consistentAt === null) return null;
  const isLevel = running && dirtyBytes === 0 && state === 'following' && error === null;
  return isLevel ? 0 : Math.max(0, Date.now() - consistentAt);
}

const states: ReadonlySet<unknown> = new Set<LiveState>(liveStates);

function isStatus(value: unknown): value is LiveStatus {
  const candidate = value as Partial<Record<keyof LiveStatus, unknown>> | null;
  const error = candidate?.error as Partial<Record<'code' | 'message' | 'since', unknown>> | null;
  return (
    candidate?.schema === schema &&
    candidate.role === 'source' &&
    isNamedVolume(candidate.source) &&
    isNamedVolume(candidate.target) &&
    states.has(candidate.state) &&
    isMoment(candidate.since) &&
    isCount(candidate.dirtyBytes) &&
    isCount(candidate.epoch) &&
    (candidate.consistentAt === null || isMoment(candidate.consistentAt)) &&
    (error === null ||
      (typeof error.code === 'string' &&
        typeof error.message === 'string' &&
        (error.since === undefined || isMoment(error.since)))) &&
    (candidate.hook === undefined ||
      candidate.hook === null ||
      typeof candidate.hook === 'string') &&
    (candidate.beatMs === undefined || isCount(candidate.beatMs)) &&
    isCount(candidate.intervalMs) &&
    isCount(candidate.pid) &&
    (candidate.processStart === null || typeof candidate.processStart === 'string') &&
    typeof candidate.bootId === 'string' &&
    isMoment(candidate.updatedAt)
  );
}
