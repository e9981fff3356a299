/** Whether a path responds: any access below a dead NFS or FUSE server hangs forever. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { exitCodes, FastsyncError } from './errors.js';
import { abandon, within } from './within.js';

/** Longer than a disk array takes to spin up, or autofs to mount. */
const limitMs = 30_000;

/** Opens only what is safe to open: not a FIFO, which blocks, nor a character device. */
const script = 'if [ -f "$1" ] || [ -b "$1" ] || [ -d "$1" ]; then : <"$1"; fi';

const asked = new Map<string, Promise<void>>();

/**
 * Resolves when opening `place` has returned, successfully or not. Rejects with FastsyncError
 * NOT_ANSWERING when it does not return in time. Checks each path only once. A separate process does the
 * opening: no signal ends a thread that waits for a FUSE server, nor the process of that thread, so this
 * process could print its message but never exit.
 */
export function reach(place: string): Promise<void> {
  const full = path.resolve(place);
  const known = asked.get(full);
  if (known !== undefined) return known;
  const answer = ask(full);
  asked.set(full, answer);
  return answer;
}

async function ask(place: string): Promise<void> {
  const child = spawn('sh', ['-c', script, 'sh', place], { stdio: 'ignore', cwd: '/' });
  // If the shell cannot be started, nothing is known about the path.
  const ended = once(child, 'exit').catch(() => []);
  if ((await within(limitMs, ended)) !== null) return;
  abandon(child);
  throw new FastsyncError({
    code: 'NOT_ANSWERING',
    exitCode: exitCodes.usage,
    message: `${place} did not respond within ${limitMs / 1000} s: its storage (a network or FUSE file system, a disk) hangs`,
    remedy: 'restore that storage, or unmount it (umount --lazy), and try again',
  });
}
