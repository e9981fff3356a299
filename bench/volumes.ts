/** Volumes for benchmarks: large, partly used, fragmented, on loop devices without a cache of their own. */

import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, open, rm, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';

export const gibibyte = 1024 ** 3;

/** Files, loop devices and mounts that are undone in reverse order by `dispose`. */
export class Workshop {
  readonly directory: string;
  readonly #undo: (() => Promise<unknown>)[] = [];

  private constructor(directory: string) {
    this.directory = directory;
    this.#undo.push(() => rm(directory, { recursive: true, force: true }));
  }

  static async open(parent: string): Promise<Workshop> {
    return new Workshop(await mkdtemp(path.join(parent, 'fastsync-bench-')));
  }

  async image(name: string, bytes: number): Promise<string> {
    const file = path.join(this.directory, name);
    await writeFile(file, '');
    await truncate(file, bytes);
    return file;
  }

  /** A file in memory, on a tmpfs of its own: it may be larger than the scratch file system allows. */
  async memoryImage(name: string, bytes: number): Promise<string> {
    const directory = path.join(this.directory, `${name}.tmpfs`);
    await mkdir(directory);
    await execa('mount', ['-t', 'tmpfs', '-o', 'size=12g', 'tmpfs', directory]);
    this.#undo.push(() => execa('umount', [directory], { reject: false }));
    const file = path.join(directory, name);
    await writeFile(file, '');
    await truncate(file, bytes);
    return file;
  }

  async loop(file: string): Promise<string> {
    const { stdout } = await execa('losetup', ['--find', '--show', '--direct-io=on', file]);
    this.#undo.push(() => execa('losetup', ['--detach', stdout], { reject: false }));
    return stdout;
  }

  /** Mounts for the time of `action`. */
  async mounted<T>(
    mount: readonly [string, ...string[]],
    device: string,
    action: (directory: string) => Promise<T>,
  ): Promise<T> {
    const directory = path.join(this.directory, 'mnt');
    await mkdir(directory, { recursive: true });
    const [command, ...args] = mount;
    await execa(command, [...args, device, directory]);
    try {
      return await action(directory);
    } finally {
      await execa('umount', [directory]);
    }
  }

  /** Has `action` run before what was there earlier is undone. */
  onDispose(action: () => Promise<unknown>): void {
    this.#undo.push(action);
  }

  async dispose(): Promise<void> {
    for (const undo of this.#undo.reverse()) await undo();
  }
}

/**
 * Leaves about `usedBytes` of incompressible data in files of 16 to 400 KiB between holes of the
 * same kind: every second file is deleted again.
 */
export async function fillFragmented(directory: string, usedBytes: number): Promise<void> {
  const noise = randomBytes(512 * 1024);
  const doomed: string[] = [];
  let written = 0;
  for (let index = 0; written < 2 * usedBytes; index++) {
    const bytes = (16 + ((index * 7919) % 385)) * 1024;
    const folder = path.join(directory, `d${index >> 10}`);
    if ((index & 1023) === 0) await mkdir(folder);
    const file = path.join(folder, `f${index}`);
    const handle = await open(file, 'w');
    noise.writeUInt32LE(index);
    await handle.write(noise, 0, bytes);
    await handle.close();
    if (index % 2 === 1) doomed.push(file);
    written += bytes;
  }
  await execa('sync', ['-f', directory]);
  for (const file of doomed) await rm(file);
}
