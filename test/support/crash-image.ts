/**
 * Images of file systems that crashed: mounted, written to, and stopped dead, with a journal that
 * holds what the rest of the volume does not.
 */

import { mkdirSync, openSync, closeSync, fsyncSync, ftruncateSync, writeSync } from 'node:fs';
import { linkSync, readdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import path from 'node:path';
import type { ExecutionContext } from 'ava';
import { execa } from 'execa';
import type { Random } from './random.js';
import { attachLoop, mounted, scratchDirectory, sparseFile } from './scratch.js';

export interface CrashImageOptions {
  /** The mkfs command with its options; the device is added at the end. */
  readonly mkfs: readonly string[];
  readonly sizeBytes: number;
  /** For `mount -o`. */
  readonly mountOptions?: readonly string[];
  /** Works on the mounted file system, beside `background`; when it is done, the crash happens. */
  readonly load: (directory: string, background: Promise<unknown>) => unknown;
  /**
   * Starts work that the crash is to hit in the middle; settles when that is over, which the crash
   * sees to by failing every write. Its rejection is no matter.
   */
  readonly background?: (directory: string) => Promise<unknown>;
  /** Changes the image between mkfs and mount. */
  readonly prepare?: (image: string) => Promise<unknown>;
  /** Size of a journal on a device of its own, for which `mkfs` must then name `{journal}`. */
  readonly externalJournalBytes?: number;
}

export interface CrashImage {
  /** The image file: a copy made after the crash. Belongs to the test, which may change it. */
  readonly path: string;
  /** The copy of the external journal, where there is one. */
  readonly journalPath: string | null;
}

/**
 * Makes a crash image. The crash is the file system's own shutdown, without flushing the log: from
 * that moment on nothing reaches the device, as if its power were cut, and a device that has told
 * fsync yes has kept what it was given. Works for ext3, ext4 and XFS. Needs root.
 */
export async function makeCrashImage(
  t: ExecutionContext,
  options: CrashImageOptions,
): Promise<CrashImage> {
  const directory = await scratchDirectory(t);
  const live = await sparseFile(path.join(directory, 'live.img'), options.sizeBytes);
  const liveJournal = path.join(directory, 'live.jnl');
  const journal =
    options.externalJournalBytes === undefined
      ? null
      : await attachLoop(t, await sparseFile(liveJournal, options.externalJournalBytes));
  const device = await attachLoop(t, live);
  const [command = '', ...mkfsOptions] = options.mkfs.map((word) =>
    word.replaceAll('{journal}', journal ?? '{journal}'),
  );
  if (journal !== null)
    await execa('mke2fs', [...blockSizeOf(mkfsOptions), '-O', 'journal_dev', journal]);
  await execa(command, [...mkfsOptions, device]);
  await options.prepare?.(device);
  const mountOptions = options.mountOptions?.join(',');
  const mount = await mounted(t, device, mountOptions ? ['-o', mountOptions] : []);
  const background = (options.background?.(mount.directory) ?? Promise.resolve()).catch(
    (error: unknown) => error,
  );
  await options.load(mount.directory, background);
  await execa('xfs_io', ['-x', '-c', 'shutdown', mount.directory]);
  // Copied while it is still mounted: unmounting writes back what the crash would have lost.
  const crashed = path.join(directory, 'crashed.img');
  const crashedJournal = path.join(directory, 'crashed.jnl');
  await copySparse(live, crashed);
  if (journal !== null) await copySparse(liveJournal, crashedJournal);
  await background;
  await mount.unmount();
  return { path: crashed, journalPath: journal === null ? null : crashedJournal };
}

function blockSizeOf(options: readonly string[]): readonly string[] {
  const at = options.indexOf('-b');
  return at === -1 ? [] : options.slice(at, at + 2);
}

async function copySparse(from: string, to: string): Promise<void> {
  await execa('cp', ['--sparse=always', from, to]);
}

/** A copy of an image, beside it. */
export async function copyOf(image: string, suffix: string): Promise<string> {
  const copy = `${image}.${suffix}`;
  await copyFile(image, copy);
  return copy;
}

/**
 * Works on a file system as a busy user would: files grow, shrink, are renamed, linked and removed,
 * directories come and go, some files are fsynced. The same `random` does the same. Returns, by
 * name, the contents of the files that were fsynced last of all and not touched again: a crash must
 * not lose these.
 */
export function churn(
  directory: string,
  random: Random,
  steps: number,
): ReadonlyMap<string, Buffer> {
  const durable = new Map<string, Buffer>();
  const names = () =>
    readdirSync(directory)
      .sort()
      .filter((name) => name !== 'lost+found');
  const pick = () => {
    const found = names().filter((name) => !durable.has(name));
    return found.length === 0 ? null : path.join(directory, random.pick(found));
  };
  const remove = (target: string | null) => {
    if (target !== null) rmSync(target, { recursive: true, force: true });
  };
  const actions: readonly ((step: number) => void)[] = [
    (step) => {
      write(path.join(directory, `file${step}`), random.bytes(random.between(1, 60_000)), false);
    },
    (step) => {
      const contents = random.bytes(random.between(1, 60_000));
      write(path.join(directory, `durable${step}`), contents, true);
      durable.set(`durable${step}`, contents);
    },
    (step) => {
      populate(path.join(directory, `dir${step}`), random.between(5, 60));
    },
    () => {
      remove(pick());
    },
    () => {
      remove(pick());
    },
    () => {
      const target = pick();
      if (target?.includes('/file')) shorten(target, random.between(0, 9_000));
    },
    (step) => {
      const target = pick();
      if (target !== null) renameSync(target, path.join(directory, `renamed${step}`));
    },
    (step) => {
      const target = pick();
      if (target?.includes('/file')) linkSync(target, path.join(directory, `link${step}`));
      else symlinkSync('x'.repeat(random.between(10, 200)), path.join(directory, `symlink${step}`));
    },
  ];
  for (let step = 0; step < steps; step++) random.pick(actions)(step);
  return durable;
}

function write(file: string, contents: Buffer, durably: boolean): void {
  const descriptor = openSync(file, 'w');
  writeSync(descriptor, contents);
  if (durably) fsyncSync(descriptor);
  closeSync(descriptor);
}

function shorten(file: string, lengthBytes: number): void {
  const descriptor = openSync(file, 'r+');
  ftruncateSync(descriptor, lengthBytes);
  fsyncSync(descriptor);
  closeSync(descriptor);
}

/** A directory with enough entries to need blocks, whose removal later revokes them. */
function populate(directory: string, entries: number): void {
  mkdirSync(directory);
  for (let entry = 0; entry < entries; entry++) {
    write(path.join(directory, `${'long-name'.repeat(10)}-${entry}`), Buffer.from('x'), false);
  }
}
