/** Mounted file systems to freeze, which no failing test leaves frozen, and who watches over a freeze. */

import { readFile, readlink, readdir } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import { execa } from 'execa';
import { identifyVolume, type VolumeIdentity } from '../../../src/volume/index.js';
import { attachLoop, mounted, scratchDirectory, sparseFile } from '../../support/scratch.js';
import { until } from '../../support/until.js';

export const kinds = {
  ext4: ['mkfs.ext4', '-q', '-F'],
  xfs: ['mkfs.xfs', '-q', '-f'],
  btrfs: ['mkfs.btrfs', '-q', '-f'],
} as const;
export type Kind = keyof typeof kinds;
export const kindNames = Object.keys(kinds) as Kind[];

/** The smallest that mkfs.xfs makes. */
const imageBytes = 304 * 1024 * 1024;
/** How long a write may wait before it is looked whether it waits for a thaw. */
const patienceMs = 30_000;

export interface Mounted {
  readonly image: string;
  readonly device: string;
  readonly directory: string;
  readonly volume: VolumeIdentity;
  readonly unmount: () => Promise<void>;
}

/** A new file system on a loop device, mounted until the test ends, and thawed then if it has to be. */
export async function mountedKind(
  t: ExecutionContext,
  kind: Kind,
  options: readonly string[] = [],
): Promise<Mounted> {
  const image = await sparseFile(path.join(await scratchDirectory(t), 'image'), imageBytes);
  const [mkfs, ...words] = kinds[kind];
  await execa(mkfs, [...words, image]);
  const device = await attachLoop(t, image);
  const { directory, unmount } = await mounted(t, device, options);
  t.teardown(() => unfreeze(directory));
  return { image, device, directory, unmount, volume: await identifyVolume(device) };
}

/** As an administrator would; false if it was not frozen. */
export async function unfreeze(directory: string): Promise<boolean> {
  return !(await execa('fsfreeze', ['--unfreeze', directory], { reject: false })).failed;
}

/** A process that makes a file; on a frozen file system it waits, and cannot even be killed. */
export function writer(directory: string, name: string) {
  return execa('touch', [path.join(directory, name)], { reject: false });
}

/** Asserts that a write to the file system comes to its end. If it is frozen, thaws it so that nothing hangs. */
export async function assertWritable(t: ExecutionContext, directory: string): Promise<void> {
  const over = new AbortController();
  const write = writer(directory, 'written').finally(() => {
    over.abort();
  });
  const isWaiting = () =>
    sleep(patienceMs, true, { signal: over.signal }).catch(() => !over.signal.aborted);
  let wasFrozen = false;
  // On a slow machine a write may take as long without anybody's freezing.
  while (await isWaiting()) wasFrozen ||= await unfreeze(directory);
  t.false(wasFrozen, 'a write to the file system after the freeze');
  t.is((await write).exitCode, 0);
}

/** Asserts that a new writer waits; gives a function that waits for its end. */
export async function assertBlocks(
  t: ExecutionContext,
  directory: string,
): Promise<() => Promise<void>> {
  const child = writer(directory, 'blocked');
  await until(async () => (await stateOf(child.pid ?? 0)) === 'D' || child.exitCode !== null);
  t.is(child.exitCode, null, 'the writer waits');
  return async () => {
    t.is((await child).exitCode, 0);
  };
}

/** The letter of proc_pid_stat(5), or null of a process that is gone. */
async function stateOf(pid: number): Promise<string | null> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
  return text === null ? null : (text.slice(text.lastIndexOf(')') + 2)[0] ?? null);
}

/** The processes that freeze the file system mounted there: watchdog, then standby. */
export async function watchdogs(directory: string): Promise<number[]> {
  const found: { pid: number; parent: number }[] = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
    if (!/^Name:\tfastsync-freeze/m.test(status) || /^State:\tZ/m.test(status)) continue;
    if ((await readlink(`/proc/${pid}/fd/3`).catch(() => null)) !== directory) continue;
    found.push({ pid: Number(pid), parent: Number(/^PPid:\t(\d+)/m.exec(status)?.[1]) });
  }
  const isTwin = ({ parent }: { parent: number }) => found.some(({ pid }) => pid === parent);
  return [...found.filter((one) => !isTwin(one)), ...found.filter(isTwin)].map(({ pid }) => pid);
}
