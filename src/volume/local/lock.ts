/**
 * One run at a time per target. A run creates a claim, a file named after the target and the process,
 * and then looks for other claims: of two runs at least one sees the other. No two processes ever use
 * the same name, so removing the claim of a dead run is no race.
 */

import { open, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeDirectory } from '../../directories.js';
import { exitCodes, FastsyncError } from '../../errors.js';
import { ownFileError } from '../../own-file.js';
import { bootId, processStart } from '../host/processes.js';
import { errnoName } from '../errors.js';

/** A held lock. `await using` or release() releases it. */
export interface Lock {
  release(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Two runs that start at once both withdraw and try again, after different times. */
const attempts = 4;
const longestPauseMs = 40;

/**
 * The directory of the claims: /run/fastsync for root, else the user's own runtime directory. Runs of
 * different users do not see each other's; on block devices O_EXCL keeps them apart.
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
 * code 7), which names the process that holds it, and with LOCK_UNUSABLE; neither leaves a claim.
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
    const remedy = 'make that directory writable, with free space, then run the same command again';
    const trouble = { code: 'LOCK_UNUSABLE', action: `create the lock of ${name} in`, remedy };
    throw ownFileError({ ...trouble, file: directory }, error);
  }
}

/** The claims of this process. */
const held = new Set<string>();

async function take(node: string, name: string, directory: string): Promise<Lock> {
  const target = node.replaceAll(/[^\w]/g, '-');
  const own = `${target}.${process.pid}.${(await processStart(process.pid)) ?? '0'}.${await bootId()}`;
  for (let attempt = 1; ; attempt++) {
    const holder = await claim(directory, target, own);
    if (holder === null) return new HeldLock(join(directory, own));
    if (holder.pid === process.pid || attempt === attempts) throw await locked(name, holder);
    await sleep(Math.random() * longestPauseMs);
  }
}

/**
 * Rejects as takeLock() does if another run has the node, and creates no claim: a run that finds a
 * target open for writing can then name that run. `writers` are the processes that have it open, under
 * whatever name; one that holds any lock is a run of ours.
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
    if (start !== (await processStart(Number(pid)))) continue;
    throw await locked(name, { pid: Number(pid), file: join(directory, claimed) });
  }
}

/** A live claim, and the file that it is. */
interface Holder {
  readonly pid: number;
  readonly file: string;
}

/** Creates our claim and keeps it if there is no other; else removes it and returns the other. */
async function claim(directory: string, target: string, own: string): Promise<Holder | null> {
  const file = join(directory, own);
  try {
    await using handle = await open(file, 'wx', 0o600);
    // The name is the claim: it is valid even if its content cannot be written because the disk is
    // full.
    await handle.writeFile(ownWords()).catch(() => undefined);
  } catch (error) {
    if (errnoName(error) !== 'EEXIST') throw error;
    if (held.has(file)) return { pid: process.pid, file };
    // No other process uses this name: this one failed to remove it when it released the lock.
  }
  let holder: Holder | null | undefined;
  try {
    holder = await liveClaim(directory, target, own);
    return holder;
  } finally {
    // Also if the search for others failed: a claim left behind would block this run.
    if (holder !== null) await rm(file, { force: true });
  }
}

/** Another live claim on the target. Removes the claims of dead processes. */
async function liveClaim(directory: string, target: string, own: string): Promise<Holder | null> {
  for (const name of await readdir(directory)) {
    if (name === own || !name.startsWith(`${target}.`)) continue;
    const [pid = '', start, boot] = name.slice(target.length + 1).split('.');
    const isAlive = boot === (await bootId()) && start === (await processStart(Number(pid)));
    const file = join(directory, name);
    if (isAlive) return { pid: Number(pid), file };
    await rm(file, { force: true });
  }
  return null;
}

/** The user's command line, for other runs that find the claim. */
function ownWords(): string {
  const [, program = '', ...words] = process.argv;
  return [basename(program, '.mjs'), ...words].join(' ');
}

/**
 * Read from the claim, not from the process: reading a process's command line may wait for its memory,
 * which may wait for a disk.
 */
async function locked(name: string, { pid, file }: Holder): Promise<FastsyncError> {
  const words = await readFile(file, 'utf8').catch(() => '');
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

  /** Never rejects: a claim that cannot be removed counts only while this process lives. */
  async release(): Promise<void> {
    await rm(this.#file, { force: true }).catch(() => undefined);
    held.delete(this.#file);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }
}
