/** Where trackers are pinned that outlive their process: folders of the kernel's BPF file system. */

import { mkdir, readdir, rename, rmdir, statfs, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { makeDirectory } from '../../directories.js';
import { FastsyncError } from '../../errors.js';
import { type Lock, takeLock } from '../../volume/index.js';
import { unsupported } from './errors.js';

/** BPF_FS_MAGIC of <linux/magic.h>. */
const bpfFsMagic = 0xcafe4a11;

/** systemd mounts the first; where it does not, fastsync mounts the second. */
const usual = '/sys/fs/bpf';
const own = '/run/fastsync/bpf';
const roots = [join(usual, 'fastsync'), own];

async function isBpfFs(directory: string): Promise<boolean> {
  const found = await statfs(directory).catch(() => null);
  return found !== null && (found.type & 0xffffffff) >>> 0 === bpfFsMagic;
}

/** The source of our own mount: another one at the same place is not ours to unmount. */
const ownSource = 'fastsync';

/** Longer than starting a tracker takes on a slow machine. */
const longestWaitMs = 60_000;
const pauseMs = 20;

/** One process at a time makes a folder or unmounts the file system, so that it stays while it is needed. */
async function lockFolders(): Promise<Lock> {
  const deadline = performance.now() + longestWaitMs;
  for (;;) {
    try {
      return await takeLock('tracker-folders', 'the directory of pinned trackers');
    } catch (error) {
      const isHeld = error instanceof FastsyncError && error.code === 'LOCKED';
      if (!isHeld || performance.now() > deadline) throw error;
      await sleep(pauseMs);
    }
  }
}

/** The kernel's own files in the root of every BPF file system. */
const kernelsOwn: ReadonlySet<string> = new Set(['maps.debug', 'progs.debug']);

/** Unmounts our own file system if it is empty. The caller holds the lock. */
async function unmountOwn(): Promise<void> {
  if (!(await isBpfFs(own))) return;
  await clearStarting(own);
  const names = await readdir(own);
  if (names.some((name) => !kernelsOwn.has(name))) return;
  const words = ['--noheadings', '--output', 'SOURCE', '--mountpoint', own];
  const { stdout } = await execa('findmnt', words, { reject: false });
  if (stdout.trim() !== ownSource) return;
  // While a process looks into it, it stays mounted: harmless, and the next call unmounts it.
  await execa('umount', [own], { reject: false });
}

const starting = 'starting-';

/** Removes what killed processes left half made. The caller holds the lock, so nobody is starting one. */
async function clearStarting(root: string): Promise<void> {
  const names = await readdir(root);
  for (const name of names.filter((one) => one.startsWith(starting))) {
    await removeFolder(join(root, name));
  }
}

/** The folder for new trackers; mounts the file system if it is not mounted. The caller holds the lock. */
async function rootForNew(): Promise<string> {
  if (await isBpfFs(usual)) return join(usual, 'fastsync');
  await makeDirectory(own);
  if (!(await isBpfFs(own))) {
    const words = ['-t', 'bpf', '-o', 'mode=0700', ownSource, own];
    const { failed, stderr } = await execa('mount', words, { reject: false });
    if (failed) {
      throw unsupported(
        `there is no BPF file system, and none can be mounted at ${own}: ${stderr.trim()}`,
        `run as root, or mount one: mount -t bpf bpf ${usual}`,
      );
    }
  }
  return own;
}

/** Every folder that holds a pinned tracker. */
export async function pinnedDirectories(): Promise<string[]> {
  const found: string[] = [];
  for (const root of roots) {
    if (!(await isBpfFs(root))) continue;
    const names = await readdir(root).catch(() => []);
    found.push(...names.filter((name) => name.startsWith('block')).map((name) => join(root, name)));
  }
  return found;
}

/**
 * Fills a new folder with `fill` and then names it, so that nobody finds it half filled. Null if a
 * folder of that name exists.
 */
export async function makeFolder(
  name: string,
  fill: (folder: string) => void,
): Promise<string | null> {
  await using _lock = await lockFolders();
  const root = await rootForNew();
  await makeDirectory(root);
  const making = join(root, `${starting}${process.pid}`);
  const made = join(root, name);
  await clearStarting(root);
  await mkdir(making, { mode: 0o700 });
  try {
    fill(making);
    // rename() replaces an empty folder only.
    await rename(making, made);
    return made;
  } catch (error) {
    await removeFolder(making);
    await unmountOwn();
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOTEMPTY' || code === 'EEXIST') return null;
    throw error;
  }
}

/** Ends the tracker in a folder, and unmounts our own file system after the last one. */
export async function endFolder(folder: string): Promise<void> {
  await removeFolder(folder);
  await using _lock = await lockFolders();
  await unmountOwn();
}

/** Unpins everything in a folder and removes it: the links first, so that no bit is set any more. */
async function removeFolder(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => null);
  if (names === null) return;
  names.sort((a, b) => Number(b.startsWith('link')) - Number(a.startsWith('link')));
  for (const name of names) await unlink(join(folder, name));
  await rmdir(folder);
}
