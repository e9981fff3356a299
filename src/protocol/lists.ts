/** Lists in attachments: whole numbers as little-endian 64-bit floating point. */

const numberBytes = 8;

/** Encodes a list of whole numbers. */
export function encodeNumbers(numbers: Float64Array): Uint8Array {
  const bytes = Buffer.alloc(numbers.length * numberBytes);
  for (const [index, number] of numbers.entries()) bytes.writeDoubleLE(number, index * numberBytes);
  return bytes;
}

/** Decodes a list. Null if the bytes are not a list of safe integers. */
export function decodeNumbers(bytes: Uint8Array): Float64Array | null {
  if (bytes.length % numberBytes !== 0) return null;
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const numbers = new Float64Array(bytes.length / numberBytes);
  for (let index = 0; index < numbers.length; index++) {
    const number = view.readDoubleLE(index * numberBytes);
    if (!Number.isSafeInteger(number) || number < 0) return null;
    numbers[index] = number;
  }
  return numbers;
}

/** Decodes extents. Null unless they are ascending, separate, not empty and within `sizeBytes`. */
export function decodeExtents(bytes: Uint8Array, sizeBytes: number): Float64Array | null {
  const list = decodeNumbers(bytes);
  if (list === null || list.length % 2 !== 0) return null;
  let end = -1;
  for (let index = 0; index < list.length; index += 2) {
    const start = list[index] as number;
    const length = list[index + 1] as number;
    // Compare the length with the rest of the volume: a sum might not be exact.
    if (start <= end || length === 0 || start > sizeBytes || length > sizeBytes - start)
      return null;
    end = start + length;
  }
  return list;
}

/** Whether the numbers are strictly ascending and less than `limit`. */
export function areAscending(numbers: Float64Array, limit: number): boolean {
  return numbers.every(
    (number, index) => number < limit && (index === 0 || number > (numbers[index - 1] as number)),
  );
}
