/**
 * One run at a time per target. A run lays a claim, a file named after the target and the process,
 * and then looks whether anybody else has one: of two runs at least one sees the other. Nobody ever
 * takes a name that another could hold, so clearing away a dead run's claim is no race.
 */

import { open, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeDirectory } from '../../directories.js';
import { exitCodes, FastsyncError } from '../../errors.js';
import { ownFileError } from '../../own-file.js';
import { bootId, commandLine, processStart } from '../host/processes.js';
import { errnoName } from '../errors.js';

/** A lock that is held. `await using` or release() gives it back. */
export interface Lock {
  release(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Two runs that start at once withdraw, and try again after times that differ. */
const attempts = 4;
const longestPauseMs = 40;

/**
 * Where claims lie: /run/fastsync for root, the user's own runtime directory otherwise. Runs of
 * different users do not see each other here; on block devices O_EXCL keeps them apart.
 */
export function lockDirectory(): string {
  const user = process.getuid?.() ?? 0;
  if (user === 0) return '/run/fastsync';
  const runtime = process.env.XDG_RUNTIME_DIR;
  return runtime === undefined || runtime === ''
    ? join(tmpdir(), `fastsync-${user}`)
    : join(runtime, 'fastsync');
}

/**
 * Takes the lock on a node; `name` is what the user calls it. Rejects with FastsyncError LOCKED (exit
 * code 7), which names the process that has it, and with LOCK_UNUSABLE, which leaves no claim behind.
 */
export async function takeLock(
  node: string,
  name: string,
  directory = lockDirectory(),
): Promise<Lock> {
  try {
    await makeDirectory(directory);
    return await take(node, name, directory);
  } catch (error) {
    if (errnoName(error) === null) throw error;
    const remedy = 'make room in that directory and writable, then run the same command again';
    const trouble = { code: 'LOCK_UNUSABLE', action: `lay the claim on ${name} in`, remedy };
    throw ownFileError({ ...trouble, file: directory }, error);
  }
}

/** The claims of this very process. */
const held = new Set<string>();

async function take(node: string, name: string, directory: string): Promise<Lock> {
  const target = node.replaceAll(/[^\w]/g, '-');
  const own = `${target}.${process.pid}.${(await processStart(process.pid)) ?? '0'}.${await bootId()}`;
  for (let attempt = 1; ; attempt++) {
    const holder = await claim(directory, target, own);
    if (holder === null) return new HeldLock(join(directory, own));
    if (holder === process.pid || attempt === attempts) throw await locked(name, holder);
    await sleep(Math.random() * longestPauseMs);
  }
}

/**
 * Rejects as takeLock() does where another run has the node, and lays no claim: so that a run that finds
 * a target open for writing says whose work that is. `writers` are processes that have it open, under
 * whatever name: those that hold a lock of any kind are runs too.
 */
export async function refuseLocked(
  node: string,
  name: string,
  writers: readonly number[],
  directory = lockDirectory(),
): Promise<void> {
  const claims = await readdir(directory).catch(() => []);
  const wanted = `${node.replaceAll(/[^\w]/g, '-')}.`;
  for (const claimed of claims) {
    const [pid = '', start, boot] = claimed.split('.').slice(-3);
    const concerns = claimed.startsWith(wanted) || writers.includes(Number(pid));
    if (!concerns || Number(pid) === process.pid || boot !== (await bootId())) continue;
    if (start === (await processStart(Number(pid)))) throw await locked(name, Number(pid));
  }
}

/** Lays our claim and keeps it if nobody else has one; else withdraws it and gives the other's pid. */
async function claim(directory: string, target: string, own: string): Promise<number | null> {
  const file = join(directory, own);
  try {
    // Its name says it all: an empty file needs no room on a full disk.
    await (await open(file, 'wx', 0o600)).close();
  } catch (error) {
    if (errnoName(error) !== 'EEXIST') throw error;
    if (held.has(file)) return process.pid;
    // Nobody else has such a name: this process could not take it away when it gave the lock back.
  }
  let holder: number | null | undefined;
  try {
    holder = await liveClaim(directory, target, own);
    return holder;
  } finally {
    // Also where nobody could be looked for: a claim that is left behind would lock this run out.
    if (holder !== null) await rm(file, { force: true });
  }
}

/** The pid of another live claim on the target; claims of the dead are cleared away. */
async function liveClaim(directory: string, target: string, own: string): Promise<number | null> {
  for (const name of await readdir(directory)) {
    if (name === own || !name.startsWith(`${target}.`)) continue;
    const [pid = '', start, boot] = name.slice(target.length + 1).split('.');
    const isAlive = boot === (await bootId()) && start === (await processStart(Number(pid)));
    if (isAlive) return Number(pid);
    await rm(join(directory, name), { force: true });
  }
  return null;
}

async function locked(name: string, pid: number): Promise<FastsyncError> {
  const words = (await commandLine(pid)).join(' ');
  return new FastsyncError({
    code: 'LOCKED',
    exitCode: exitCodes.locked,
    message: `${name} is in use by another run, process ${pid}${words === '' ? '' : ` (${words})`}`,
    remedy: 'wait for it to end, or stop it',
  });
}

class HeldLock implements Lock {
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
    held.add(file);
  }

  /** A claim that cannot be taken away counts no longer than this process lives: no run fails by it. */
  async release(): Promise<void> {
    await rm(this.#file, { force: true }).catch(() => undefined);
    held.delete(this.#file);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }
}
