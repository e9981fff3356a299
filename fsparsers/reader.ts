/** How a parser reads the volume: its only connection to the outside. */

import { ParseError } from './errors.js';

export interface ByteReader {
  readonly sizeBytes: number;
  /**
   * Reads exactly `lengthBytes` bytes at `offsetBytes`. The caller keeps the result; the reader never
   * writes to it again. I/O errors reject with the error of the implementation.
   */
  read(offsetBytes: number, lengthBytes: number): Promise<Uint8Array>;
}

/** A volume in memory: for tests, and for data that has been read already. */
export class BufferReader implements ByteReader {
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    // A Buffer's slice() shares its memory; a plain Uint8Array's copies, as a reader promises.
    this.#bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get sizeBytes(): number {
    return this.#bytes.length;
  }

  read(offsetBytes: number, lengthBytes: number): Promise<Uint8Array> {
    const part = this.#bytes.subarray(offsetBytes, offsetBytes + lengthBytes);
    // A copy whatever `bytes` is: slice() of a node Buffer would be a view of the volume.
    return Promise.resolve(new Uint8Array(part));
  }
}

/** A part of a volume, for example a partition, as a volume of its own. */
export class SubReader implements ByteReader {
  readonly sizeBytes: number;
  readonly #whole: ByteReader;
  readonly #startBytes: number;

  /** The range must lie within `whole`. */
  constructor(whole: ByteReader, startBytes: number, lengthBytes: number) {
    if (startBytes < 0 || lengthBytes < 0 || startBytes + lengthBytes > whole.sizeBytes) {
      throw new RangeError(
        `${lengthBytes} bytes at ${startBytes} are not within ${whole.sizeBytes} bytes`,
      );
    }
    this.#whole = whole;
    this.#startBytes = startBytes;
    this.sizeBytes = lengthBytes;
  }

  read(offsetBytes: number, lengthBytes: number): Promise<Uint8Array> {
    const fits = offsetBytes >= 0 && lengthBytes >= 0;
    if (!fits || offsetBytes + lengthBytes > this.sizeBytes) {
      return Promise.reject(
        new RangeError(
          `${lengthBytes} bytes at ${offsetBytes} are not within ${this.sizeBytes} bytes`,
        ),
      );
    }
    return this.#whole.read(this.#startBytes + offsetBytes, lengthBytes);
  }
}

/**
 * Reads a named structure after checking that it lies on the device, so that a hostile address becomes a
 * typed error before memory is allocated.
 */
export async function readStructure(
  reader: ByteReader,
  structure: string,
  offsetBytes: number,
  lengthBytes: number,
): Promise<Uint8Array> {
  const fits =
    offsetBytes >= 0 && lengthBytes >= 0 && offsetBytes + lengthBytes <= reader.sizeBytes;
  if (!fits) {
    throw new ParseError(
      'TRUNCATED',
      `needs ${lengthBytes} bytes, but the device ends at byte ${reader.sizeBytes}`,
      { structure, offsetBytes },
    );
  }
  return reader.read(offsetBytes, lengthBytes);
}
