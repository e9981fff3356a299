/** A FUSE mount whose server is stopped, or answers nothing any more; it ends with the test, whatever happens. */

import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { endingWithUs } from './lifetime.js';
import { type Owner, scratchDirectory } from './scratch.js';
import { during, firstOutput } from './until.js';

const source = fileURLToPath(new URL('../../../test/support/stuck-fuse.c', import.meta.url));

export interface StuckMount {
  readonly directory: string;
  /** The one file on it. */
  readonly file: string;
  /** Requests are not even read: whoever waits can be killed. */
  readonly stop: () => void;
  /** Requests are read, and never answered: whoever waits is past killing. */
  readonly keepSilent: () => void;
  /** Ends the server, and with it all waiting; the test's end does so too. */
  readonly end: () => Promise<void>;
}

/**
 * `apart`: in a mount namespace of its own, where its server and `holder`, a shell command, are alone;
 * `device`, "7:0", is what the node there stands for.
 */
export async function stuckMount(
  t: Owner,
  sizeBytes: number,
  apart: { readonly holder: string; readonly device?: string } | null = null,
): Promise<StuckMount> {
  const scratch = await scratchDirectory(t);
  const program = path.join(scratch, 'stuck-fuse');
  const { stdout: flags } = await execa('pkg-config', ['--cflags', '--libs', 'fuse3']);
  await execa('cc', ['-O1', source, '-o', program, ...flags.trim().split(/\s+/)]);
  const directory = path.join(scratch, 'mnt');
  await mkdir(directory);
  const node = apart?.device === undefined ? [] : [apart.device];
  const serve = [directory, '-f', String(sizeBytes), ...node];
  // The namespace's first process takes all others with it, and ends with us.
  const script = `"$@" & until mountpoint -q "$0"; do kill -0 $! || exit; sleep 0.05; done; ${apart?.holder ?? ''} echo ready; wait`;
  const start = ['bash', '-c', script, directory, program, ...serve];
  const unshare = ['--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
  const words = apart === null ? serve : [...unshare, '--propagation', 'private', ...start];
  const file = apart === null ? program : 'unshare';
  const child = execa(...endingWithUs(file, words), {
    reject: false,
    stdin: 'ignore',
    buffer: false,
  });
  let isEnded = false;
  const end = async () => {
    if (isEnded) return;
    isEnded = true;
    child.kill('SIGKILL');
    // Killed, but it may be the last that its own writers wait for; unmounting does not wait.
    await execa('umount', ['--lazy', directory], { reject: false });
    await child;
  };
  t.teardown(end);
  if (apart === null) await during(child, () => isMounted(directory));
  else await firstOutput(child);
  const server = apart === null ? (child.pid ?? 0) : await pidOf(program);
  return {
    directory,
    file: path.join(directory, 'image'),
    stop: () => process.kill(server, 'SIGSTOP'),
    keepSilent: () => process.kill(server, 'SIGUSR1'),
    end,
  };
}

async function isMounted(directory: string): Promise<boolean> {
  return (await readFile('/proc/self/mountinfo', 'utf8')).includes(` ${directory} `);
}

async function pidOf(program: string): Promise<number> {
  const { stdout } = await execa('pgrep', ['--full', `^${program} `]);
  return Number(stdout.split('\n')[0]);
}
