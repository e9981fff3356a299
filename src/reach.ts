/** Whether a path answers at all: below a dead NFS or FUSE server every look at it waits for ever. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { exitCodes, FastsyncError } from './errors.js';
import { abandon, within } from './within.js';

/** Longer than a disk array takes to spin up, or autofs to mount. */
const limitMs = 30_000;

/** Opens what can be opened without a consequence. Not a FIFO, which waits, nor a character device. */
const script = 'if [ -f "$1" ] || [ -b "$1" ] || [ -d "$1" ]; then : <"$1"; fi';

const asked = new Map<string, Promise<void>>();

/**
 * Resolves when whatever lies at `place`, or nothing, has answered to opening it; what it answered does
 * not count. Rejects with FastsyncError NOT_ANSWERING when it keeps silent. Asks once for each path.
 *
 * It is a process of its own that waits: no signal ends a thread that waits for a FUSE server which has
 * read the request, nor the process of that thread, so ours could say its sentence but never end.
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
  // A shell that cannot be started has nothing to say about the path.
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
