/** What test runs leave that are killed, as the kernel's own lists have it. */

import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { pinnedDirectories } from '../../src/tracker/bpf/bpffs.js';
import { endingWithUs } from './lifetime.js';
import { packageRoot } from './manifests.js';
import { ownerVariable } from './owner.js';
import { scratchDirectory } from './scratch.js';
import { until } from './until.js';

const runner = path.join(packageRoot, 'node_modules/ava/entrypoints/cli.mjs');
const helper = (name: string) => JSON.stringify(path.join(packageRoot, 'dist/test', name));

/** A test file that starts one of everything, says so, and never comes to its end. */
const endless = `
import { readFileSync, writeFileSync } from 'node:fs';
import test from 'ava';
import { execa } from 'execa';
import { fileWithoutHoles } from ${helper('engine/nbd.js')};
import { fastsync } from ${helper('support/fastsync.js')};
import { startLoad } from ${helper('support/fsync-load.js')};
import { attachLoop, mounted, scratchDirectory, sparseFile } from ${helper('support/scratch.js')};
import { stuckMount } from ${helper('support/stuck-fuse.js')};

test('endless', async (t) => {
  const directory = await scratchDirectory(t);
  const image = (name) => sparseFile(directory + '/' + name, 64 * 2 ** 20);
  const swap = await attachLoop(t, await image('swap'));
  await execa('mkswap', [swap]);
  await execa('swapon', [swap]);
  const kind = { mkfs: ['mkfs.ext4', '-q', '-F'], fsck: ['e2fsck', '-fn'] };
  const load = await startLoad(t, kind, { sizeBytes: 64 * 2 ** 20, seed: 1 });
  await load.progress(1);
  await fastsync(['track', 'start', load.device]);
  const ntfs = await image('ntfs');
  await execa('mkfs.ntfs', ['--quick', '--force', ntfs]);
  await mounted(t, ntfs, ['-t', 'ntfs-3g']);
  await fileWithoutHoles(t, await image('served'));
  const stuck = await stuckMount(t, 2 ** 20);
  // Waits for a server that answers nothing; a shell is ended with nobody.
  stuck.keepSilent();
  void execa('sh', ['-c', 'cat ' + stuck.file + '; true'], { reject: false });
  void execa('sh', ['-c', 'sleep 3600; true'], { reject: false, detached: true });
  // Whatever writes waits, and nobody thaws.
  await execa('fsfreeze', ['--freeze', load.mountPoint]);
  writeFileSync(process.env.READY, String(process.pid));
  await new Promise(() => setInterval(() => {}, 1000));
});
`;

/** Everything that the kernel knows to lie below the directory. */
async function leftBelow(directory: string): Promise<string[]> {
  const [loops, swaps, mounts] = await Promise.all([
    execa('losetup', ['--list', '--noheadings', '--output', 'BACK-FILE']),
    readFile('/proc/swaps', 'utf8'),
    readFile('/proc/self/mountinfo', 'utf8'),
  ]);
  const lines = [...loops.stdout.split('\n'), ...swaps.split('\n'), ...mounts.split('\n')];
  return lines.filter((line) => line.includes(directory));
}

/** A name alone may be somebody else's by now. */
async function identityOf(folder: string): Promise<string> {
  return `${folder} ${(await stat(folder).catch(() => null))?.ino ?? 'gone'}`;
}

/** The trackers that are kept without a process, on loop devices of files below the directory. */
async function trackersBelow(directory: string): Promise<string[]> {
  const columns = ['--list', '--noheadings', '--output', 'NAME,BACK-FILE'];
  const { stdout } = await execa('losetup', columns);
  const lines = stdout.split('\n').filter((line) => line.includes(directory));
  const names = lines.map((line) => `block-7-${/loop(\d+)/.exec(line)?.[1] ?? ''}`);
  const folders = (await pinnedDirectories()).filter((one) => names.includes(path.basename(one)));
  return Promise.all(folders.map(identityOf));
}

/** What runs with this directory for its scratch files. */
async function processesWith(directory: string): Promise<string[]> {
  const { stdout } = await execa('ps', ['-e', '-ww', 'e', '-o', 'args=']);
  return stdout.split('\n').filter((line) => line.includes(`TMPDIR=${directory}`));
}

async function isRunning(pid: number): Promise<boolean> {
  const { stdout } = await execa('ps', ['-o', 'stat=', '-p', String(pid)], { reject: false });
  return stdout !== '' && !stdout.startsWith('Z');
}

interface Run {
  readonly child: { kill(signal: 'SIGKILL'): boolean };
  readonly worker: number;
}

/** Starts the endless test below `home`, and waits until it has everything. */
async function endlessRun(t: ExecutionContext, home: string): Promise<Run> {
  const project = await scratchDirectory(t);
  await writeFile(path.join(project, 'package.json'), '{ "type": "module" }');
  await writeFile(path.join(project, 'endless.test.js'), endless);
  await symlink(path.join(packageRoot, 'node_modules'), path.join(project, 'node_modules'));
  const ready = path.join(project, 'ready');
  const env = { TMPDIR: home, READY: ready, [ownerVariable]: '' };
  const child = execa(...endingWithUs(process.execPath, [runner]), {
    cwd: project,
    env,
    reject: false,
    all: true,
  });
  for (;;) {
    const worker = await readFile(ready, 'utf8').catch(() => '');
    if (worker !== '') return { child, worker: Number(worker) };
    if (child.exitCode !== null) throw new Error((await child).all);
    await sleep(20);
  }
}

/** What the next test process does first, whatever it tests. */
async function nextRun(home: string) {
  const words = ['--input-type=module', '-e', `await import(${helper('support/scratch.js')})`];
  return execa(process.execPath, words, { env: { TMPDIR: home, [ownerVariable]: '' } });
}

test('what a killed run left goes with the next one; what another one uses stays', async (t) => {
  const home = path.join(await scratchDirectory(t), 'tmp');
  await mkdir(home);
  // Nobody knows whose that is.
  await mkdir(path.join(home, 'fastsync-test-abcdef'));
  const killed = await endlessRun(t, home);
  const before = (await leftBelow(home)).length;
  const owned = await readdir(home);
  const ours = await trackersBelow(home);
  t.true(ours.length > 0, 'a tracker that is kept without a process');
  const other = await endlessRun(t, home);
  t.true(before >= 6, String(before));
  killed.child.kill('SIGKILL');
  t.teardown(async () => {
    other.child.kill('SIGKILL');
    await until(async () => !(await isRunning(other.worker)));
    await nextRun(home);
  });
  // Its worker has nobody to tell anything.
  await until(async () => !(await isRunning(killed.worker)));
  const { stderr } = await nextRun(home);
  t.is(stderr, '');
  t.is((await leftBelow(home)).length, before);
  const kept = await readdir(home);
  t.deepEqual(
    kept.filter((name) => owned.includes(name)),
    ['fastsync-test-abcdef'],
  );
  t.true(await isRunning(other.worker));

  other.child.kill('SIGKILL');
  await until(async () => !(await isRunning(other.worker)));
  await nextRun(home);
  t.deepEqual(await readdir(home), ['fastsync-test-abcdef']);
  t.deepEqual(await leftBelow(home), []);
  t.deepEqual(await processesWith(home), []);
  const left = await Promise.all((await pinnedDirectories()).map(identityOf));
  t.deepEqual(
    ours.filter((one) => left.includes(one)),
    [],
  );
});
