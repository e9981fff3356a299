/** Reads blocks anywhere on the device, and returns them in the requested order. */

import { gather } from '../gather.js';
import type { ByteReader } from '../reader.js';

/**
 * Reads `lengthBytes` bytes at each of the offsets; neighbours share a read. The results come in the
 * offsets' order and are copies, so that keeping one does not keep its neighbours.
 */
export async function readAll(
  reader: ByteReader,
  offsets: readonly number[],
  lengthBytes: number,
): Promise<Uint8Array[]> {
  const results = new Array<Uint8Array>(offsets.length);
  const pieces = offsets.map((offsetBytes, index) => ({ offsetBytes, lengthBytes, index }));
  for await (const { piece, bytes } of gather(reader, pieces)) {
    results[piece.index] = bytes.slice();
  }
  return results;
}
