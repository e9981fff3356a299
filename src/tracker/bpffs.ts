/** Where trackers that outlive their process are kept: folders of the kernel's BPF file system. */

import { mkdir, readdir, rename, rmdir, statfs, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { makeDirectory } from '../directories.js';
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

/** The place for new ones; mounts the file system if it is nowhere. */
async function rootForNew(): Promise<string> {
  if (await isBpfFs(usual)) return join(usual, 'fastsync');
  await makeDirectory(own);
  if (!(await isBpfFs(own))) {
    const { failed, stderr } = await execa('mount', ['-t', 'bpf', '-o', 'mode=0700', 'bpf', own], {
      reject: false,
    });
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
export async function keptFolders(): Promise<string[]> {
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
  const root = await rootForNew();
  await makeDirectory(root);
  const making = join(root, `starting-${process.pid}`);
  const made = join(root, name);
  await removeFolder(making);
  await mkdir(making, { mode: 0o700 });
  try {
    fill(making);
    // rename() would put it in the place of an empty folder only.
    await rename(making, made);
    return made;
  } catch (error) {
    await removeFolder(making);
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOTEMPTY' || code === 'EEXIST') return null;
    throw error;
  }
}

/** Removes a folder and lets go of what is in it: the links first, so that nothing more is marked. */
export async function removeFolder(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => null);
  if (names === null) return;
  names.sort((a, b) => Number(b.startsWith('link')) - Number(a.startsWith('link')));
  for (const name of names) await unlink(join(folder, name));
  await rmdir(folder);
}
