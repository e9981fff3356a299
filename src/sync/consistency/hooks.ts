/**
 * The administrator's own commands: a database is flushed before a freeze, told after it; a snapshot is
 * made of a replica. Each has a limit, and ends with the run.
 */

import { execa } from 'execa';
import { exitCodes, FastsyncError } from '../../errors.js';

export interface Hooks {
  /** Shell commands; null: none. */
  readonly beforeFreeze: string | null;
  readonly afterFreeze: string | null;
  readonly afterEpoch?: string | null;
  /** How long each may take. */
  readonly timeoutMs: number;
}

export type HookName = 'before-freeze' | 'after-freeze' | 'after-epoch';

/** A run that is told to stop lets these finish: programs that were told to wait must be told to resume. */
const lasting: ReadonlySet<HookName> = new Set(['after-freeze', 'after-epoch']);
/** But not for longer than this. */
const graceMs = 10_000;
/** From being asked to end until it has to. */
const partingMs = 1000;
const stderrFd = 2;

/**
 * Runs $1, and ends it with all that it started when this process is gone, killed say, after $2 seconds:
 * its standard input is a pipe that only this process holds open. Plain POSIX shell, which is everywhere.
 */
const withWatchdog = `exec 3<&0 </dev/null
{ read -r gone; sleep "$2"; trap '' TERM; kill -s TERM 0; sleep 1; kill -s KILL 0; } <&3 &
watchdog=$!
/bin/sh -c "$1" 3<&-
code=$?
kill "$watchdog"
exit "$code"`;

/**
 * Runs one by `/bin/sh -c`, its output going to standard error. Rejects with FastsyncError HOOK_FAILED if
 * it fails, or takes too long: it is then killed, with all that it started. The signal ends
 * `before-freeze` at once, and the run with it; the others have their grace, and resolve or reject.
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
  // No pipes out: whatever it leaves running must not keep us waiting. A group of its own, to be ended as one.
  const child = execa('/bin/sh', ['-c', withWatchdog, 'hook', command, graceSeconds], {
    env: { ...environment, FASTSYNC_HOOK: name },
    stdio: ['pipe', stderrFd, stderrFd],
    detached: true,
    reject: false,
  });
  /** Why it was ended, the first reason. */
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
    // All of it has ended.
  }
}
