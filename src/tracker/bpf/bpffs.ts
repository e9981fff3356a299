/** Where trackers that outlive their process are kept: folders of the kernel's BPF file system. */

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

/** systemd mounts the first one; the second one is our own where it does not. */
const usual = '/sys/fs/bpf';
const own = '/run/fastsync/bpf';
const roots = [join(usual, 'fastsync'), own];

async function isBpfFs(directory: string): Promise<boolean> {
  const found = await statfs(directory).catch(() => null);
  return found !== null && (found.type & 0xffffffff) >>> 0 === bpfFsMagic;
}

/** How our own mount is known from one that somebody else made there. */
const ownSource = 'fastsync';

/** Long enough for whoever starts a tracker, on a slow machine too. */
const longestWaitMs = 60_000;
const pauseMs = 20;

/** One at a time makes a folder, or takes the file system away: what is mounted stays while it is needed. */
async function lockFolders(): Promise<Lock> {
  const deadline = performance.now() + longestWaitMs;
  for (;;) {
    try {
      return await takeLock('tracker-folders', 'the folder of the trackers that are kept');
    } catch (error) {
      const isHeld = error instanceof FastsyncError && error.code === 'LOCKED';
      if (!isHeld || performance.now() > deadline) throw error;
      await sleep(pauseMs);
    }
  }
}

/** In the root of every BPF file system. */
const kernelsOwn: ReadonlySet<string> = new Set(['maps.debug', 'progs.debug']);

/** Unmounts our own file system if nothing is in it. Under the lock only. */
async function leaveOwn(): Promise<void> {
  if (!(await isBpfFs(own))) return;
  await clearStarting(own);
  const names = await readdir(own);
  if (names.some((name) => !kernelsOwn.has(name))) return;
  const words = ['--noheadings', '--output', 'SOURCE', '--mountpoint', own];
  const { stdout } = await execa('findmnt', words, { reject: false });
  if (stdout.trim() !== ownSource) return;
  // Where somebody looks into it just now it stays: that does no harm, and the next one takes it away.
  await execa('umount', [own], { reject: false });
}

const starting = 'starting-';

/** Under the lock nobody starts one: what is there was killed in the middle of it. */
async function clearStarting(root: string): Promise<void> {
  const names = await readdir(root);
  for (const name of names.filter((one) => one.startsWith(starting))) {
    await removeFolder(join(root, name));
  }
}

/** The place for new ones; mounts the file system if it is nowhere. Under the lock only. */
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

/** Every folder that holds a tracker. */
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
 * Fills a new folder by `fill` and gives it its name when all is in it: nobody finds a part of one.
 * Null if there is one of that name.
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
    // rename() would put it in the place of an empty folder only.
    await rename(making, made);
    return made;
  } catch (error) {
    await removeFolder(making);
    await leaveOwn();
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOTEMPTY' || code === 'EEXIST') return null;
    throw error;
  }
}

/** Ends the tracker in a folder. With the last one goes the file system, where it is our own. */
export async function endFolder(folder: string): Promise<void> {
  await removeFolder(folder);
  await using _lock = await lockFolders();
  await leaveOwn();
}

/** Removes a folder and lets go of what is in it: the links first, so that nothing more is marked. */
async function removeFolder(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => null);
  if (names === null) return;
  names.sort((a, b) => Number(b.startsWith('link')) - Number(a.startsWith('link')));
  for (const name of names) await unlink(join(folder, name));
  await rmdir(folder);
}
