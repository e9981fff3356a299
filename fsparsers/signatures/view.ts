/** A volume as the signature rules see it. */

import type { ByteReader } from '../reader.js';
import type { View } from './rule.js';

/** A reader seen as a view that keeps the device's first and last mebibyte. */
export class DeviceView implements View {
  readonly #reader: ByteReader;
  readonly #pieces: readonly { readonly start: number; readonly bytes: Uint8Array }[];

  private constructor(reader: ByteReader, pieces: { start: number; bytes: Uint8Array }[]) {
    this.#reader = reader;
    this.#pieces = pieces;
  }

  static async open(reader: ByteReader): Promise<DeviceView> {
    const pieceBytes = 1024 * 1024 + 4096;
    const { sizeBytes } = reader;
    const head = Math.min(sizeBytes, pieceBytes);
    const tail = Math.max(head, sizeBytes - pieceBytes);
    const pieces = [{ start: 0, bytes: await reader.read(0, head) }];
    if (tail < sizeBytes) {
      pieces.push({ start: tail, bytes: await reader.read(tail, sizeBytes - tail) });
    }
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
