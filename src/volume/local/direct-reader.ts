/**
 * Reads an open volume past the page cache, for the parsers. XFS and btrfs write around the device's
 * cache, and file data always does: what was read through the cache before a freeze is old, and stays so.
 */

import type { ByteReader } from '../../../fsparsers/reader.js';
import { EngineError, readPast } from '../../engine/index.js';
import { exitCodes, FastsyncError } from '../../errors.js';
import { inFlight } from '../../in-flight.js';

/** Largest single read, as in FileByteReader. */
const maxReadBytes = 64 * 1024 * 1024;

/** What is read from: `path` is for messages; nothing is read beyond `sizeBytes`. */
export interface ReadSource {
  readonly fd: number;
  readonly path: string;
  readonly sizeBytes: number;
}

/**
 * A ByteReader that gives what is on the disk at that moment. Rejects with FastsyncError READ_ERROR
 * where the disk cannot be read. It does not close `fd`.
 */
export function directReader({ fd, path, sizeBytes }: ReadSource): ByteReader {
  return {
    sizeBytes,
    async read(offsetBytes, lengthBytes) {
      if (!(offsetBytes >= 0 && lengthBytes >= 0 && offsetBytes + lengthBytes <= sizeBytes)) {
        throw new RangeError(
          `Expected a range within ${sizeBytes} bytes, got ${lengthBytes} bytes at ${offsetBytes}`,
        );
      }
      const bytes = new Uint8Array(lengthBytes);
      for (let done = 0; done < lengthBytes;) {
        const wanted = Math.min(lengthBytes - done, maxReadBytes);
        try {
          const read = () => readPast(fd, offsetBytes + done, wanted);
          bytes.set(await inFlight(path, read), done);
        } catch (error) {
          throw readError(path, error);
        }
        done += wanted;
      }
      return bytes;
    },
  };
}

function readError(path: string, error: unknown): unknown {
  if (!(error instanceof EngineError)) return error;
  return new FastsyncError({
    code: 'READ_ERROR',
    exitCode: exitCodes.incomplete,
    message: `${path} cannot be read at byte ${error.offsetBytes} (${error.lengthBytes} bytes): ${error.code}`,
    remedy: 'check the disk (dmesg, smartctl)',
    cause: error,
  });
}
