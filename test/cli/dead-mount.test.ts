/** File systems whose server is gone: another's is not waited for, the user's own ends in a sentence, and signals end it all. */

import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { execa } from 'execa';
import { hangMs } from '../support/hang.js';
import { endingWithUs, hasEnded } from '../support/lifetime.js';
import { fastsync, fastsyncBin } from '../support/fastsync.js';
import { fastverify } from '../support/fastverify.js';
import { attachLoop, scratchDirectory, sparseFile } from '../support/scratch.js';
import { mebibyte } from '../support/seeding.js';
import { stuckMount } from '../support/stuck-fuse.js';
import { during, firstOutput } from '../support/until.js';

/** Nothing here takes as long; what hangs does. */
const timeout = hangMs;

async function twoImages(directory: string) {
  const source = await sparseFile(path.join(directory, 'source.img'), 8 * mebibyte);
  await execa('mkfs.ext4', ['-q', '-F', source]);
  return { source, target: path.join(directory, 'target.img') };
}

test.serial("another's dead mount is not waited for, nor a loop device on it", async (t) => {
  const directory = await scratchDirectory(t);
  const { source, target } = await twoImages(directory);
  const state = ['--state-dir', path.join(directory, 'state')];
  // As a container has it: in a namespace of its own, a process writes to it, and a loop device stands on it.
  const device = path.join(directory, 'device');
  const holder = `exec 9<>"$0/image"; losetup --find --show "$0/image" >'${device}';`;
  const dead = await stuckMount(t, 4 * mebibyte, { holder });
  const { stdout: loop } = await execa('cat', [device]);
  t.teardown(async () => {
    await dead.end();
    await execa('losetup', ['--detach', loop], { reject: false });
  });
  dead.stop();
  const began = performance.now();
  const init = await fastsync(['init', '--src', source, '--dst', target, ...state], { timeout });
  t.is(init.exitCode, 0, String(init.stderr));
  const verify = await fastverify(['--src', source, '--dst', target, ...state], { timeout });
  t.is(verify.exitCode, 0, String(verify.stderr));
  t.log(`${Math.round(performance.now() - began)} ms`);
});

test.serial('who writes to a target by a device node on a dead mount is found', async (t) => {
  const directory = await scratchDirectory(t);
  const { source } = await twoImages(directory);
  const target = await attachLoop(t, await sparseFile(path.join(directory, 'b'), 8 * mebibyte));
  const { stdout: device } = await execa('lsblk', ['-dno', 'MAJ:MIN', target]);
  const dead = await stuckMount(t, mebibyte, {
    holder: 'exec 9<>"$0/device";',
    device: device.trim(),
  });
  dead.stop();
  const state = ['--state-dir', path.join(directory, 'state')];
  const init = await fastsync(['init', '--src', source, '--dst', target, ...state], { timeout });
  t.is(init.exitCode, 4, String(init.stderr));
  t.regex(String(init.stderr), /open for writing|has it open/);
});

test.serial(
  "a path of the run's own that does not answer: a sentence, and the process ends",
  async (t) => {
    const directory = await scratchDirectory(t);
    const { source, target } = await twoImages(directory);
    await writeFile(path.join(directory, 'c.yaml'), 'pairs: {}\n');
    const dead = await stuckMount(t, 8 * mebibyte);
    // The way that cannot be killed: a process whose thread waits so never ends.
    dead.keepSilent();
    const state = ['--state-dir', path.join(directory, 'state')];
    const there = dead.file;
    const results = await Promise.all([
      fastsync(['init', '--src', there, '--dst', target, ...state], { timeout }),
      fastsync(['init', '--src', source, '--dst', there, ...state], { timeout }),
      fastsync(['init', '--src', source, '--dst', target, '--state-dir', dead.directory], {
        timeout,
      }),
      fastsync(['map', there], { timeout }),
      fastsync(['status', '--state-dir', dead.directory], { timeout }),
      fastsync(['config', 'check', '--config', there], { timeout }),
      fastverify(['--src', source, '--manifest', there, ...state], { timeout }),
    ]);
    for (const { exitCode, stderr, command } of results) {
      t.is(exitCode, 2, `${command}: ${String(stderr)}`);
      t.regex(String(stderr), /did not respond within 30 s.*unmount it/s, command);
      t.notRegex(String(stderr), /\n {4}at /);
    }
  },
);

/** A signal that comes before the last one was taken is no second one. */
async function interruptUntilOver(run: {
  readonly pid?: number | undefined;
  kill(signal: 'SIGTERM'): boolean;
}): Promise<void> {
  const over = async () => {
    for (let waited = 0; waited < 20; waited++) {
      if (await hasEnded(run.pid ?? 0)) return true;
      await sleep(50);
    }
    return false;
  };
  do run.kill('SIGTERM');
  while (!(await over()));
}

test.serial('a second signal ends a run whose source hangs', async (t) => {
  const directory = await scratchDirectory(t);
  const dead = await stuckMount(t, 8 * mebibyte);
  const words = [
    'init',
    '--src',
    dead.file,
    '--dst',
    path.join(directory, 'b'),
    '--whole',
    '--json',
  ];
  const state = ['--bwlimit', '1M', '--state-dir', path.join(directory, 'state')];
  const run = fastsync([...words, ...state], { timeout });
  await firstOutput(run);
  dead.stop();
  await interruptUntilOver(run);
  // A request that it had taken when it was stopped.
  await dead.end();
  t.is((await run).exitCode, 5);
});

test.serial(
  'a second signal ends a run whose main thread waits for its output to be taken',
  async (t) => {
    const directory = await scratchDirectory(t);
    const source = await sparseFile(path.join(directory, 'source.img'), 64 * mebibyte);
    const target = path.join(directory, 'b');
    const dead = await stuckMount(t, 8 * mebibyte);
    const words = ['init', '--src', source, '--dst', target, '--whole', '--json'];
    const state = ['--bwlimit', '1M', '--state-dir', path.join(directory, 'state')];
    const command = [process.execPath, fastsyncBin, ...words, ...state];
    const run = execa(...endingWithUs('sh', ['-c', 'exec "$@" 1<>"$0"', dead.file, ...command]), {
      reject: false,
      timeout,
      stdin: 'ignore',
    });
    await during(run, () => existsSync(target));
    dead.stop();
    // It writes a line a second, and waits in the kernel from then on.
    const stack = () => readFile(`/proc/${run.pid ?? 0}/stack`, 'utf8').catch(() => '');
    await during(run, async () => (await stack()).includes('fuse'));
    await interruptUntilOver(run);
    t.is((await run).exitCode, 5);
  },
);
