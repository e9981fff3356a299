/**
 * The program that freezes and thaws (native/freezer/), run as a process, with its input and output. It
 * runs in a session of its own and thaws when this process ends in any way, or at the time limit.
 */

import { spawn, type ChildProcess } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { exitCodes, FastsyncError } from '../../errors.js';
import { nativeFiles } from '../../package-root.js';

/**
 * Why it thawed: this process asked for it, or ended; a signal; the time limit; the standby or the
 * watchdog was killed; both were, so that this process had to thaw.
 */
export type ThawReason =
  'request' | 'parent' | 'signal' | 'timeout' | 'standby' | 'watchdog' | 'rescue';

/** How it ended, in the words of native/freezer/report.h. */
export type Ending =
  | { readonly type: 'thawed'; readonly reason: ThawReason; readonly heldMs: number }
  /** Somebody else had thawed it before. */
  | { readonly type: 'lost' }
  | { readonly type: 'failed'; readonly step: string; readonly errno: number }
  /** Asked to stop before it froze anything. */
  | { readonly type: 'cancelled' };

export interface Frozen {
  readonly frozenAtMs: number;
  readonly freezeCallMs: number;
}

/** How long it may take to exit after its work is done. */
const partingMs = 1000;
const nsPerMs = 1e6;

function findProgram(): string {
  const found = nativeFiles('fastsync-freezer').find((file) => existsSync(file));
  if (found !== undefined) return found;
  throw new FastsyncError({
    code: 'FREEZER_MISSING',
    exitCode: exitCodes.usage,
    message: `the freezer program is missing for linux-${process.arch}`,
    remedy: 'run "npm run build"',
  });
}

function start(words: readonly string[], directoryFd: number): ChildProcess {
  return spawn(findProgram(), words, {
    stdio: ['pipe', 'pipe', 'ignore', directoryFd],
    detached: true,
    cwd: '/',
    env: {},
  });
}

/** Resolves when it has ended: with 0, or with the errno that kept it from starting. */
function endOf(child: ChildProcess): Promise<number> {
  return once(child, 'exit').then(
    () => 0,
    (error: unknown) => -((error as NodeJS.ErrnoException).errno ?? 0),
  );
}

/** One watchdog and its standby, from start to end. */
export class Freezer {
  /** Null: it ended without freezing, or froze too late. */
  readonly frozen: Promise<Frozen | null>;
  readonly ending: Promise<Ending>;
  /** Resolves when none of its processes is left, so that the file system can be unmounted. */
  readonly gone: Promise<void>;
  readonly #child: ChildProcess;
  readonly #directoryFd: number;

  /** `directoryFd`, any directory of the file system, stays open until `gone`. */
  constructor(directoryFd: number, maxFreezeMs: number) {
    this.#directoryFd = directoryFd;
    this.#child = start(['freeze', String(Math.ceil(maxFreezeMs))], directoryFd);
    // Writing to one that has just ended fails; its report tells why it ended.
    this.#child.stdin?.on('error', () => undefined);
    const end = endOf(this.#child);
    const heard = new EventEmitter();
    this.frozen = once(heard, 'frozen').then(([frozen]) => frozen as Frozen | null);
    this.ending = this.#listen(end, (frozen) => heard.emit('frozen', frozen));
    this.gone = this.ending.then(() => this.#part(end));
  }

  /** Makes it thaw, or not freeze. `ending` has the result. */
  stop(): void {
    this.#child.stdin?.end('thaw\n');
  }

  async #listen(end: Promise<number>, onFrozen: (frozen: Frozen | null) => void): Promise<Ending> {
    let isFreezing = false;
    try {
      for await (const line of linesOf(this.#child)) {
        const words = line.split(' ');
        if (words[0] === 'freezing') isFreezing = true;
        else if (words[0] === 'frozen') onFrozen(frozenFrom(words));
        else return endingFrom(words);
      }
      const errno = await end;
      // Both processes were killed before they could report.
      return isFreezing
        ? await rescue(this.#directoryFd)
        : { type: 'failed', step: 'start', errno };
    } finally {
      onFrozen(null);
    }
  }

  async #part(end: Promise<number>): Promise<void> {
    // It may have been stopped (SIGSTOP) while its standby thawed.
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), partingMs);
    await end;
    clearTimeout(timer);
  }
}

/** No lines if it could not be started for lack of file descriptors: then it has no output. */
function linesOf({ stdout }: ChildProcess): AsyncIterable<string> {
  return createInterface({ input: stdout ?? Readable.from([]) });
}

const rescueTries = 100;
const rescuePauseMs = 50;

/** The last resort: a third process that only thaws. */
async function rescue(directoryFd: number): Promise<Ending> {
  let errno = 0;
  for (let tries = 0; tries < rescueTries; tries++) {
    const child = start(['thaw'], directoryFd);
    const end = endOf(child);
    for await (const line of linesOf(child)) return endingFrom(line.split(' '));
    errno = await end;
    await sleep(rescuePauseMs);
  }
  return { type: 'failed', step: 'thaw', errno };
}

function frozenFrom([, at = '', call = '']: readonly string[]): Frozen {
  // Both clocks are CLOCK_MONOTONIC; performance.now() counts from the start of this process.
  const agoNs = Number(process.hrtime.bigint() - BigInt(at));
  return {
    frozenAtMs: performance.now() - agoNs / nsPerMs,
    freezeCallMs: Number(call) / nsPerMs,
  };
}

function endingFrom([type = '', what = '', count = '']: readonly string[]): Ending {
  switch (type) {
    case 'thawed':
      return { type, reason: what as ThawReason, heldMs: Number(count) / nsPerMs };
    case 'failed':
      return { type, step: what, errno: Number(count) };
    case 'lost':
    case 'cancelled':
      return { type };
    default:
      throw new Error(`Expected a report of the freezer, got "${type}"`);
  }
}
