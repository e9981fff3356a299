/** Reads an open file or block device for the parsers, with few and large system calls. */

import type { FileHandle } from 'node:fs/promises';
import type { ByteReader } from '../../../fsparsers/reader.js';
import { exitCodes, FastsyncError } from '../../errors.js';
import { inFlight } from '../../in-flight.js';
import { errnoName } from '../errors.js';

/** Largest single read: far above what makes a disk fast, far below what pread can return. */
const maxReadBytes = 64 * 1024 * 1024;

/** A ByteReader on an open file. It does not close it. */
export class FileByteReader implements ByteReader {
  readonly #handle: FileHandle;
  readonly #path: string;
  readonly sizeBytes: number;

  /** `path` is for messages; `sizeBytes` is the volume's size, beyond which nothing is read. */
  constructor(handle: FileHandle, path: string, sizeBytes: number) {
    this.#handle = handle;
    this.#path = path;
    this.sizeBytes = sizeBytes;
  }

  /**
   * Reads exactly `lengthBytes` at `offsetBytes`. Rejects with FastsyncError: READ_ERROR when the
   * device cannot read it, VOLUME_SHRANK when the file ends before the size it had when opened.
   */
  async read(offsetBytes: number, lengthBytes: number): Promise<Uint8Array> {
    if (!(offsetBytes >= 0 && lengthBytes >= 0 && offsetBytes + lengthBytes <= this.sizeBytes)) {
      throw new RangeError(
        `Expected a range within ${this.sizeBytes} bytes, got ${lengthBytes} bytes at ${offsetBytes}`,
      );
    }
    // Never from the shared pool: the caller keeps the memory.
    const bytes = new Uint8Array(Buffer.allocUnsafeSlow(lengthBytes).buffer);
    for (let done = 0; done < lengthBytes;) {
      const wanted = Math.min(lengthBytes - done, maxReadBytes);
      const got = await this.#readSome(bytes, done, wanted, offsetBytes + done);
      if (got === 0) throw this.#shrank(offsetBytes + done);
      done += got;
    }
    return bytes;
  }

  async #readSome(bytes: Uint8Array, at: number, wanted: number, position: number) {
    try {
      const read = () => this.#handle.read(bytes, at, wanted, position);
      const { bytesRead } = await inFlight(this.#path, read);
      return bytesRead;
    } catch (error) {
      const errno = errnoName(error);
      if (errno === null) throw error;
      throw new FastsyncError({
        code: 'READ_ERROR',
        exitCode: exitCodes.incomplete,
        message: `${this.#path} cannot be read at byte ${position} (${wanted} bytes): ${errno}`,
        remedy: 'check the disk (dmesg, smartctl)',
        cause: error,
      });
    }
  }

  #shrank(position: number): FastsyncError {
    return new FastsyncError({
      code: 'VOLUME_SHRANK',
      exitCode: exitCodes.incomplete,
      message: `${this.#path} ends at byte ${position}, but had ${this.sizeBytes} bytes when it was opened`,
      remedy: 'make sure that nothing truncates it',
    });
  }
}
