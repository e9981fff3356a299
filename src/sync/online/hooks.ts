/** The administrator's own commands around a freeze: a database is flushed before it, told after it. */

import { execa } from 'execa';
import { exitCodes, FastsyncError } from '../../errors.js';

export interface Hooks {
  /** Shell commands; null: none. */
  readonly beforeFreeze: string | null;
  readonly afterFreeze: string | null;
  /** How long each may take. */
  readonly timeoutMs: number;
}

export type HookName = 'before-freeze' | 'after-freeze';

/** From being asked to end until it has to. */
const partingMs = 1000;
const stderrFd = 2;

/**
 * Runs one by `/bin/sh -c`, its output going to standard error. Rejects with FastsyncError HOOK_FAILED if
 * it fails, or takes too long: it is then killed, with all that it started.
 */
export async function runHook(
  name: HookName,
  hooks: Hooks,
  environment: Readonly<Record<string, string>>,
  signal?: AbortSignal,
): Promise<void> {
  const command = name === 'before-freeze' ? hooks.beforeFreeze : hooks.afterFreeze;
  if (command === null) return;
  signal?.throwIfAborted();
  // No pipes: whatever it leaves running must not keep us waiting. A group of its own, to be ended as one.
  const child = execa('/bin/sh', ['-c', command], {
    env: { ...environment, FASTSYNC_HOOK: name },
    stdio: ['ignore', stderrFd, stderrFd],
    detached: true,
    reject: false,
  });
  const late = new AbortController();
  const end = () => {
    endGroup(child.pid, 'SIGTERM');
    setTimeout(() => {
      endGroup(child.pid, 'SIGKILL');
    }, partingMs).unref();
  };
  const timer = setTimeout(() => {
    late.abort();
    end();
  }, hooks.timeoutMs);
  signal?.addEventListener('abort', end);
  const { failed, exitCode, signal: killedBy } = await child;
  clearTimeout(timer);
  signal?.removeEventListener('abort', end);
  signal?.throwIfAborted();
  const isLate = late.signal.aborted;
  if (!failed && !isLate) return;
  const ending = exitCode === undefined ? (killedBy ?? 'an error') : `exit code ${exitCode}`;
  const how = isLate ? `took more than ${hooks.timeoutMs / 1000} s` : `ended with ${ending}`;
  throw new FastsyncError({
    code: 'HOOK_FAILED',
    exitCode: exitCodes.incomplete,
    message: `the command of --${name} ${how}: ${command}`,
    remedy: 'mend it, and run the same command again',
  });
}

function endGroup(leader: number | undefined, signal: NodeJS.Signals): void {
  if (leader === undefined) return;
  try {
    process.kill(-leader, signal);
  } catch {
    // All of it has ended.
  }
}
