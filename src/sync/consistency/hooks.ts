/**
 * The administrator's own commands: one flushes a database before a freeze, one resumes it afterwards,
 * one takes a snapshot of a replica. Each has a time limit and ends with the run.
 */

import { execa } from 'execa';
import { exitCodes, FastsyncError } from '../../errors.js';

export interface Hooks {
  /** Shell commands; null: none. */
  readonly beforeFreeze: string | null;
  readonly afterFreeze: string | null;
  readonly afterEpoch?: string | null;
  /** The time limit of each command. */
  readonly timeoutMs: number;
}

export type HookName = 'before-freeze' | 'after-freeze' | 'after-epoch';

/** These finish even when the run is told to stop: programs that were paused must be resumed. */
const lasting: ReadonlySet<HookName> = new Set(['after-freeze', 'after-epoch']);
/** How long they may take after that. */
const graceMs = 10_000;
/** The time between SIGTERM and SIGKILL. */
const partingMs = 1000;
const stderrFd = 2;

/**
 * Runs $1. Ends it and everything it started $2 seconds after this process disappears (killed, for
 * example): its standard input is a pipe that only this process holds open. Written in plain POSIX shell,
 * which every system has.
 */
const withWatchdog = `exec 3<&0 </dev/null
{ read -r gone; sleep "$2"; trap '' TERM; kill -s TERM 0; sleep 1; kill -s KILL 0; } <&3 &
watchdog=$!
/bin/sh -c "$1" 3<&-
code=$?
kill "$watchdog"
exit "$code"`;

/**
 * Runs a command by `/bin/sh -c`, with its output on standard error. Rejects with FastsyncError
 * HOOK_FAILED if the command fails or takes too long; then it is killed with everything it started. The
 * signal ends `before-freeze`, and the run with it, at once; the others get a grace period and then
 * resolve or reject.
 */
export async function runHook(
  name: HookName,
  hooks: Hooks,
  environment: Readonly<Record<string, string>>,
  signal?: AbortSignal,
): Promise<void> {
  const command = commandOf(name, hooks);
  if (command === null) return;
  const lasts = lasting.has(name);
  if (!lasts) signal?.throwIfAborted();
  const graceSeconds = String(lasts ? graceMs / 1000 : 0);
  // No pipes for its output, so that processes it leaves running cannot keep us waiting. Its own
  // process group, so that all of it can be killed together.
  const child = execa('/bin/sh', ['-c', withWatchdog, 'hook', command, graceSeconds], {
    env: { ...environment, FASTSYNC_HOOK: name },
    stdio: ['pipe', stderrFd, stderrFd],
    detached: true,
    reject: false,
  });
  /** Why it was ended; the first reason counts. */
  const late: string[] = [];
  const end = () => {
    endGroup(child.pid, 'SIGTERM');
    setTimeout(() => {
      endGroup(child.pid, 'SIGKILL');
    }, partingMs).unref();
  };
  const endAfter = (ms: number, why: string) =>
    setTimeout(() => {
      late.push(why);
      end();
    }, ms);
  const timers = [endAfter(hooks.timeoutMs, `took more than ${hooks.timeoutMs / 1000} s`)];
  const onStop = () => {
    const why = `did not end within ${graceMs / 1000} s after the run was told to stop`;
    if (lasts) timers.push(endAfter(graceMs, why));
    else end();
  };
  if (signal?.aborted) onStop();
  signal?.addEventListener('abort', onStop);
  const { failed, exitCode, signal: killedBy } = await child;
  for (const timer of timers) clearTimeout(timer);
  signal?.removeEventListener('abort', onStop);
  if (!lasts) signal?.throwIfAborted();
  if (!failed && late.length === 0) return;
  const ending = exitCode === undefined ? (killedBy ?? 'an error') : `exit code ${exitCode}`;
  throw new FastsyncError({
    code: 'HOOK_FAILED',
    exitCode: exitCodes.incomplete,
    message: `the command of --${name} ${late[0] ?? `ended with ${ending}`}: ${command}`,
    remedy: 'fix it, and run the same command again',
  });
}

function commandOf(name: HookName, hooks: Hooks): string | null {
  if (name === 'before-freeze') return hooks.beforeFreeze;
  return name === 'after-freeze' ? hooks.afterFreeze : (hooks.afterEpoch ?? null);
}

function endGroup(leader: number | undefined, signal: NodeJS.Signals): void {
  if (leader === undefined) return;
  try {
    process.kill(-leader, signal);
  } catch {
    // Every process of the group has ended.
  }
}
