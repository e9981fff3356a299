/** Scratch files, loop devices and mounts for tests: each is gone when its test ends, passed or not. */

import { constants } from 'node:fs';
import { mkdtemp, mkdir, open, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import { execa } from 'execa';
import { sweepLeftBehind } from './lifetime.js';
import { ownPrefix } from './owner.js';
import { until } from './until.js';

await sweepLeftBehind();

/** What cleans up at its end: a test, or whatever else has one. */
export type Owner = Pick<ExecutionContext, 'teardown'>;

/** A directory that is removed when the test ends. */
export async function scratchDirectory(t: Owner, place = tmpdir()): Promise<string> {
  const directory = await mkdtemp(path.join(place, ownPrefix));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** A new sparse file of `sizeBytes`. */
export async function sparseFile(file: string, sizeBytes: number): Promise<string> {
  await writeFile(file, '', { flag: 'wx' });
  await truncate(file, sizeBytes);
  return file;
}

/** Attaches `file` to a free loop device until the test ends; `options` are losetup's own. */
export async function attachLoop(
  t: Owner,
  file: string,
  options: readonly string[] = [],
): Promise<string> {
  const { stdout: device } = await execa('losetup', ['--find', '--show', ...options, file]);
  t.teardown(() => detachFrom(device, file));
  return device;
}

/** A device that a test has detached itself may be another test's by now: that one keeps it. */
async function detachFrom(device: string, file: string): Promise<void> {
  const backing = `/sys/block/${path.basename(device)}/loop/backing_file`;
  const text = await readFile(backing, 'utf8').catch(() => '');
  // Also where the file is gone by then: only the kernel still knows its name.
  const name = text.trim().replace(/ \(deleted\)$/, '');
  if (!name.endsWith(path.join('/', path.basename(path.dirname(file)), path.basename(file))))
    return;
  await execa('losetup', ['--detach', device], { reject: false });
}

/**
 * Attaches a partitioned disk image, its partitions included ("/dev/loop3p1"). partx tells the kernel
 * of them, because not every kernel reads partition tables itself.
 */
export async function attachPartitioned(t: Owner, file: string): Promise<string> {
  const device = await attachLoop(t, file, ['--partscan']);
  await execa('partx', ['--update', device]);
  t.teardown(() => execa('partx', ['--delete', device], { reject: false }));
  return device;
}

/** Mounts `device` on a new directory until the test ends, or until `unmount` is called. */
export async function mounted(
  t: Owner,
  device: string,
  options: readonly string[] = [],
): Promise<{ readonly directory: string; unmount: () => Promise<void> }> {
  const directory = path.join(await scratchDirectory(t), 'mnt');
  await mkdir(directory);
  const isVolume = device.startsWith('/dev/');
  // mount takes a loop device that the file has already, and that one stays.
  const own = isVolume ? [] : await loopsOf(device);
  await execa('mount', [...options, device, directory]);
  const isGone = async () =>
    isVolume
      ? (await isClaimable(device)) || (await isMountedElsewhere(device))
      : (await loopsOf(device)).every((loop) => own.includes(loop));
  let isMounted = true;
  const unmount = async () => {
    if (!isMounted) return;
    await execa('umount', [directory]);
    isMounted = false;
    await likely(isGone);
  };
  t.teardown(() =>
    unmount().catch(() => execa('umount', ['--lazy', directory], { reject: false })),
  );
  return { directory, unmount };
}

/**
 * umount may return before the file system is gone: a FUSE process still writes, a directory of it is
 * open, or a mount namespace that some other test made holds a copy of the mount. The volume is at rest
 * when nobody claims it. Throws if somebody always does.
 */
export function released(device: string): Promise<void> {
  return until(() => isFree(device));
}

const releaseTries = 3000;

/** Where the test itself may hold the volume in another way it is no use to wait for long. */
async function likely(holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < releaseTries; tries++) {
    if (await holds()) return;
    await sleep(20);
  }
}

function isFree(device: string): Promise<boolean> {
  return device.startsWith('/dev/') ? isClaimable(device) : hasNoLoop(device);
}

async function isClaimable(device: string): Promise<boolean> {
  try {
    await (await open(device, constants.O_RDONLY | constants.O_EXCL)).close();
    return true;
  } catch {
    return false;
  }
}

/** Where a test has it mounted twice. */
async function isMountedElsewhere(device: string): Promise<boolean> {
  return !(await execa('findmnt', ['--source', device], { reject: false })).failed;
}

async function hasNoLoop(file: string): Promise<boolean> {
  return (await loopsOf(file)).length === 0;
}

async function loopsOf(file: string): Promise<string[]> {
  const words = ['--noheadings', '--output', 'NAME', '--associated', file];
  return (await execa('losetup', words)).stdout.split('\n').filter((name) => name !== '');
}
