/** A volume as the signature rules see it. */

import type { ByteReader } from '../reader.js';
import type { View } from './rule.js';

interface Piece {
  readonly start: number;
  readonly bytes: Uint8Array;
}

/** Null if a sector of it cannot be read; the bytes that a rule needs may still be readable. */
async function kept(reader: ByteReader, start: number, lengthBytes: number): Promise<Piece[]> {
  try {
    return [{ start, bytes: await reader.read(start, lengthBytes) }];
  } catch {
    return [];
  }
}

/** A reader seen as a view that keeps the device's first and last mebibyte. */
export class DeviceView implements View {
  readonly #reader: ByteReader;
  readonly #pieces: readonly Piece[];

  private constructor(reader: ByteReader, pieces: readonly Piece[]) {
    this.#reader = reader;
    this.#pieces = pieces;
  }

  static async open(reader: ByteReader): Promise<DeviceView> {
    const pieceBytes = 1024 * 1024 + 4096;
    const { sizeBytes } = reader;
    const firstBytes = Math.min(sizeBytes, pieceBytes);
    const tail = Math.max(firstBytes, sizeBytes - pieceBytes);
    const pieces = [
      ...(await kept(reader, 0, firstBytes)),
      ...(tail < sizeBytes ? await kept(reader, tail, sizeBytes - tail) : []),
    ];
    return new DeviceView(reader, pieces);
  }

  get deviceBytes(): number {
    return this.#reader.sizeBytes;
  }

  async read(offsetBytes: number, lengthBytes: number): Promise<Uint8Array | null> {
    if (!(offsetBytes >= 0 && offsetBytes + lengthBytes <= this.deviceBytes)) return null;
    for (const { start, bytes } of this.#pieces) {
      const at = offsetBytes - start;
      if (at >= 0 && at + lengthBytes <= bytes.length) return bytes.subarray(at, at + lengthBytes);
    }
    return this.#reader.read(offsetBytes, lengthBytes);
  }
}
