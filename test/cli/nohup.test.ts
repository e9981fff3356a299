/** Under nohup a run outlives its terminal, as every other program does. */

import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { fastsyncBin } from '../support/fastsync.js';
import { statusIn } from '../support/following.js';
import { atTerminal } from '../support/pty.js';
import { attachLoop, mounted, scratchDirectory, sparseFile } from '../support/scratch.js';
import { mebibyte } from '../support/seeding.js';
import { hasEnded } from '../support/lifetime.js';
import { during, until } from '../support/until.js';

async function scene(t: ExecutionContext) {
  const directory = await scratchDirectory(t);
  const image = await sparseFile(path.join(directory, 'source.img'), 16 * mebibyte);
  await execa('mkfs.ext4', ['-q', '-F', image]);
  const source = await attachLoop(t, image);
  const { directory: mount } = await mounted(t, source);
  const target = path.join(directory, 'target.img');
  return { directory, source, mount, target };
}

/** Sends a hang-up, and waits until it was heard. */
async function hangUp(pid: number): Promise<void> {
  process.kill(pid, 'SIGHUP');
  await until(async () => {
    const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
    return !/^(Sig|Shd)Pnd:\t[0-9a-f]*[13579bdf]$/m.test(status);
  });
}

/** The process, and its child where it stands by one. */
async function processesOf(pid: number): Promise<number[]> {
  const { stdout } = await execa('pgrep', ['-P', String(pid), '-x', 'node'], { reject: false });
  return [pid, ...stdout.split('\n').filter(Boolean).map(Number)];
}

for (const [what, nohup, more] of [
  ['under nohup', 'nohup', []],
  ['under nohup, with a process that stands by', 'nohup', ['--io-timeout', '1d']],
  ['without it', '', []],
] as const) {
  test(`a hang-up ${what}`, async (t) => {
    const { directory, source, mount, target } = await scene(t);
    const words = ['live', '--src', source, '--dst', target, '--interval', '0.2s', ...more];
    const state = ['--state-dir', path.join(directory, 'state')];
    const command = [process.execPath, fastsyncBin, ...words, ...state].join(' ');
    const [pidFile, log] = [path.join(directory, 'pid'), path.join(directory, 'log')];
    // With the terminal for its input, as an interactive shell starts it.
    const line = `exec 3<&0; ${nohup} ${command} <&3 3<&- >${log} 2>&1 & echo $! >${pidFile}; wait $!`;
    const { ended, text } = atTerminal(t, 'xterm', line);
    const epoch = async () => {
      const status = (await statusIn(directory).catch(() => ({}))) as { epoch?: number };
      return status.epoch ?? 0;
    };
    await during(ended, async () => (await epoch()) > 0);
    const pid = Number(await readFile(pidFile, 'utf8'));
    if (nohup === '') {
      process.kill(pid, 'SIGHUP');
      await ended;
      t.true(await hasEnded(pid));
      return;
    }
    // The kernel tells of the terminal's end, and so does the shell.
    for (let time = 0; time < 3; time++) {
      for (const one of await processesOf(pid)) await hangUp(one);
    }
    const before = await epoch();
    await writeFile(path.join(mount, 'file'), 'written after the hang-up', { flush: true });
    await during(ended, async () => (await epoch()) > before);
    process.kill(pid, 'SIGTERM');
    t.is(await ended, 0, `${text()} ${await readFile(log, 'utf8')}`);
    const { stdout } = await execa('debugfs', ['-R', 'cat file', target]);
    t.is(stdout, 'written after the hang-up');
  });
}
