/** Writes a manifest into a temporary file and renames it. Never replaces a file that is not a manifest. */

import { open, realpath, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { inFlight } from '../in-flight.js';
import { reach } from '../reach.js';
import { withVolumeErrors } from '../volume/index.js';
import { unsuitable } from './error.js';
import { magic } from './format.js';
import type { BlockSink } from './tree-writer.js';

const bufferBytes = 1024 * 1024;

/**
 * Rejects with a FastsyncError if `file` is a device, a directory, or a file that is not a manifest: a
 * mistyped path must not overwrite an image.
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

/** A manifest that is being written. commit() renames it into place; discard() removes it. */
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

  /** Blocks are appended from `startBytes` on; commit() writes what comes before. */
  static async create(file: string, startBytes: number): Promise<NewFile> {
    await checkManifestPlace(file);
    // Replace what a symbolic link points to, and keep the link.
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
    await this.#inFlight(() => writeAll(this.#handle, bytes, this.#written));
    this.#written += bytes.length;
  }

  /** Writes the beginning, flushes the file, and renames it into place. */
  async commit(beginning: Buffer): Promise<void> {
    await this.#flush();
    await this.#inFlight(async () => {
      await writeAll(this.#handle, beginning, 0);
      await this.#handle.sync();
      await this.#handle.close();
    });
    // Check again: the path may have changed while the volume was read.
    await checkManifestPlace(this.#file);
    await withVolumeErrors(this.#file, async () => {
      await rename(this.#temporary, this.#file);
      const directory = await open(path.dirname(this.#file), 'r');
      await directory.sync().finally(() => directory.close());
    });
  }

  async discard(): Promise<void> {
    await this.#inFlight(async () => {
      await this.#handle.close();
      await rm(this.#temporary, { force: true });
    });
  }

  #inFlight(request: () => Promise<void>): Promise<void> {
    return withVolumeErrors(this.#temporary, () => inFlight(this.#file, request));
  }
}

async function writeAll(handle: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    done += (await handle.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
  }
}
