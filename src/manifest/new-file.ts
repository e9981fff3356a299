/** Writes a manifest's file: beside its place, then by rename, and never over what is no manifest. */

import { open, realpath, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { asking } from '../in-flight.js';
import { reach } from '../reach.js';
import { withVolumeErrors } from '../volume/index.js';
import { unsuitable } from './error.js';
import { magic } from './format.js';
import type { BlockSink } from './tree-writer.js';

const bufferBytes = 1024 * 1024;

/**
 * Rejects with a FastsyncError if a manifest may not be written to `file`: it is a device or a
 * directory, or a file that holds something else. A slip of the pen must not cost an image.
 */
export async function checkManifestPlace(file: string): Promise<void> {
  await reach(file);
  const found = await stat(file).catch(() => null);
  if (found === null) {
    await withVolumeErrors(path.dirname(path.resolve(file)), async () => {
      await stat(path.dirname(path.resolve(file)));
    });
    return;
  }
  const elsewhere = 'name another file';
  if (!found.isFile()) {
    throw unsuitable('NOT_A_MANIFEST', `${file} is not a file: it is not overwritten`, elsewhere);
  }
  if (found.size > 0 && (await beginningOf(file)) !== magic) {
    const message = `${file} exists and is not a manifest: it is not overwritten`;
    throw unsuitable('NOT_A_MANIFEST', message, elsewhere);
  }
}

function beginningOf(file: string): Promise<string> {
  return withVolumeErrors(file, async () => {
    await using handle = await open(file, 'r');
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(magic.length), 0, magic.length, 0);
    return buffer.toString('latin1', 0, bytesRead);
  });
}

/** A manifest that is being written. commit() puts it in its place; discard() leaves nothing. */
export class NewFile implements BlockSink {
  readonly #file: string;
  readonly #temporary: string;
  readonly #handle: FileHandle;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #written: number;

  private constructor(file: string, temporary: string, handle: FileHandle, start: number) {
    this.#file = file;
    this.#temporary = temporary;
    this.#handle = handle;
    this.#written = start;
  }

  /** Blocks are appended from `startBytes` on; what is before comes with commit(). */
  static async create(file: string, startBytes: number): Promise<NewFile> {
    await checkManifestPlace(file);
    // Through a link to what it links to: the link stays.
    const place = await realpath(file).catch(() => path.resolve(file));
    const temporary = `${place}.${process.pid}.tmp`;
    return withVolumeErrors(temporary, async () => {
      await rm(temporary, { force: true });
      return new NewFile(place, temporary, await open(temporary, 'wx', 0o600), startBytes);
    });
  }

  get offset(): number {
    return this.#written + this.#pendingBytes;
  }

  async append(block: Buffer): Promise<void> {
    this.#pending.push(block);
    this.#pendingBytes += block.length;
    if (this.#pendingBytes >= bufferBytes) await this.#flush();
  }

  async #flush(): Promise<void> {
    const bytes = Buffer.concat(this.#pending);
    this.#pending = [];
    this.#pendingBytes = 0;
    await this.#asking(() => writeAll(this.#handle, bytes, this.#written));
    this.#written += bytes.length;
  }

  /** Writes the beginning, makes all of it durable, and puts it in place of what was there. */
  async commit(beginning: Buffer): Promise<void> {
    await this.#flush();
    await this.#asking(async () => {
      await writeAll(this.#handle, beginning, 0);
      await this.#handle.sync();
      await this.#handle.close();
    });
    // Once more: the place may have become something else while the volume was read.
    await checkManifestPlace(this.#file);
    await withVolumeErrors(this.#file, async () => {
      await rename(this.#temporary, this.#file);
      const directory = await open(path.dirname(this.#file), 'r');
      await directory.sync().finally(() => directory.close());
    });
  }

  async discard(): Promise<void> {
    await this.#asking(async () => {
      await this.#handle.close();
      await rm(this.#temporary, { force: true });
    });
  }

  #asking(request: () => Promise<void>): Promise<void> {
    return withVolumeErrors(this.#temporary, () => asking(this.#file, request));
  }
}

async function writeAll(handle: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    done += (await handle.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
  }
}
