/** What a test process starts does not outlive it: its children end with it, the next one sweeps up the rest. */

import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { leftBehind } from './owner.js';

/** For execa: a command that is killed when this process ends, however that happens. */
export function endingWithUs(file: string, words: readonly string[]): [string, readonly string[]] {
  return ['setpriv', ['--pdeathsig', 'KILL', '--', file, ...words]];
}

// Without its test runner nobody hears of the results; the runner says nothing more when it is killed.
if (process.connected) process.once('disconnect', () => process.kill(process.pid, 'SIGKILL'));

const sweeper = fileURLToPath(new URL('./sweep.js', import.meta.url));
const mostSweepMs = 300_000;

/**
 * Whether a process has ended, though perhaps not for those who wait for it: a thread of its that waits for
 * a FUSE server which has taken its request keeps it until that answers or goes.
 */
export async function hasEnded(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return !/\) [^ZX] /.test(stat);
}

/** Removes what killed test processes left, before that can be in anybody's way. */
export async function sweepLeftBehind(): Promise<void> {
  if (leftBehind().length === 0) return;
  // One at a time: what one has detached may be attached again, by somebody else, before the other looks.
  const { exitCode, stderr } = await execa(
    'flock',
    ['--no-fork', tmpdir(), process.execPath, sweeper],
    { reject: false, stdin: 'ignore', timeout: mostSweepMs, killSignal: 'SIGKILL' },
  );
  if (exitCode !== 0)
    process.stderr.write(`What an earlier test left behind is not gone: ${stderr}\n`);
}
