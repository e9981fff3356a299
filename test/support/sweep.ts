/**
 * A program that removes what test processes which were killed have left: processes, mounts, loop devices,
 * files. Whatever belongs to one that still runs stays, and whatever is nobody's by its name.
 */

import { existsSync } from 'node:fs';
import { readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { endFolder, pinnedDirectories } from '../../src/tracker/bpf/bpffs.js';
import { type LeftBehind, leftBehind, ownerVariable } from './owner.js';

interface Mount {
  readonly connection: number;
  readonly directory: string;
  readonly type: string;
  readonly source: string;
}

interface Loop {
  readonly device: string;
  /** As "7:3". */
  readonly numbers: string;
  readonly detachesItself: boolean;
}

type IsBelow = (file: string) => boolean;

const quietly = { reject: false, stdin: 'ignore' } as const;

/** Never by stat: some of them answer nobody. In the order in which they were mounted. */
async function mountsOf(isBelow: IsBelow, loops: readonly Loop[]): Promise<Mount[]> {
  const lines = (await readFile('/proc/self/mountinfo', 'utf8')).trimEnd().split('\n');
  const mounts = lines.map((line) => {
    const [before = '', after = ''] = line.split(' - ');
    const [, , device = '', , directory = ''] = before.split(' ');
    const [type = '', source = ''] = after.split(' ');
    const [major = 0, minor = 0] = device.split(':').map(Number);
    return { connection: major * 2 ** 20 + minor, directory, type, source };
  });
  const isOnLoop = (source: string) => loops.some(({ device }) => isPartOf(source, device));
  return mounts.filter(({ directory, source }) => isBelow(directory) || isOnLoop(source));
}

function isPartOf(node: string, device: string): boolean {
  return node === device || node.startsWith(`${device}p`);
}

async function loopsOf(isBelow: IsBelow): Promise<Loop[]> {
  const found: Loop[] = [];
  for (const name of await readdir('/sys/block')) {
    const attribute = (of: string) =>
      readFile(`/sys/block/${name}/loop/${of}`, 'utf8').catch(() => '');
    if (!isBelow(await attribute('backing_file'))) continue;
    const detachesItself = (await attribute('autoclear')).trim() === '1';
    const numbers = (await readFile(`/sys/block/${name}/dev`, 'utf8')).trim();
    found.push({ device: `/dev/${name}`, numbers, detachesItself });
  }
  return found;
}

/** Whatever the owner started, and what that started in turn. */
async function processesOf(owner: string): Promise<number[]> {
  const mark = `${ownerVariable}=${owner}`;
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const marked = pids.map(async (pid) => {
    const text = await readFile(`/proc/${pid}/environ`, 'latin1').catch(() => '');
    return text.split('\0').includes(mark) ? [Number(pid)] : [];
  });
  return (await Promise.all(marked)).flat();
}

const endTries = 500;

async function endProcesses(owner: string, whileTheyEnd: () => Promise<unknown>): Promise<void> {
  for (let tries = 0; tries < endTries; tries++) {
    const pids = await processesOf(owner);
    if (pids.length === 0) return;
    for (const pid of pids) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It has ended by itself.
      }
    }
    await whileTheyEnd();
    await sleep(20);
  }
}

async function sweep(owner: string, directories: readonly string[]): Promise<void> {
  const isBelow: IsBelow = (file) =>
    directories.some((directory) => file === directory || file.startsWith(`${directory}/`));
  // What is known by its path is looked up before anything is unmounted.
  const loops = await loopsOf(isBelow);
  const mounts = await mountsOf(isBelow, loops);
  for (const { connection, type } of mounts) {
    if (!type.startsWith('fuse')) continue;
    await writeFile(`/sys/fs/fuse/connections/${connection}/abort`, '1').catch(() => null);
  }
  // What waits for a frozen file system is past killing until it is thawed.
  const thaw = async () => {
    for (const { directory, type } of mounts) {
      if (!type.startsWith('fuse')) await execa('fsfreeze', ['--unfreeze', directory], quietly);
    }
  };
  await endProcesses(owner, thaw);
  await thaw();
  for (const { directory } of mounts.toReversed())
    await execa('umount', ['--lazy', directory], quietly);
  for (const folder of await pinnedDirectories()) {
    // Named by the node of the volume: block-7-3.
    const of = path.basename(folder).split('-').slice(1).join(':');
    if (loops.some(({ numbers }) => numbers === of)) await endFolder(folder);
  }
  const swaps = (await readFile('/proc/swaps', 'utf8'))
    .split('\n')
    .map((line) => line.split(' ')[0]);
  for (const { device, detachesItself } of loops) {
    // Its number may be somebody else's already.
    if (detachesItself) continue;
    for (const swap of swaps) {
      if (isPartOf(swap ?? '', device)) await execa('swapoff', [swap ?? ''], quietly);
    }
    await execa('partx', ['--delete', device], quietly);
    await execa('losetup', ['--detach', device], quietly);
  }
  for (const directory of directories) {
    await execa('rm', ['--recursive', '--force', '--one-file-system', directory]);
  }
}

const directories = leftBehind();
// Control groups are no directories of files: they go when nothing runs in them.
const groups = leftBehind(['/sys/fs/cgroup', '/sys/fs/cgroup/unified'].filter(existsSync));
for (const owner of new Set([...directories, ...groups].map((found) => found.owner))) {
  const ofOwner = (all: readonly LeftBehind[]) =>
    all.filter((found) => found.owner === owner).map((found) => found.path);
  await sweep(owner, ofOwner(directories));
  for (const group of ofOwner(groups)) await rmdir(group);
}
