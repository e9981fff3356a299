/** Lists as attachments carry them: 64-bit floating point, little endian, each a whole number. */

const numberBytes = 8;

/** The bytes of a list of whole numbers. */
export function encodeNumbers(numbers: Float64Array): Uint8Array {
  const bytes = Buffer.alloc(numbers.length * numberBytes);
  for (const [index, number] of numbers.entries()) bytes.writeDoubleLE(number, index * numberBytes);
  return bytes;
}

/** The list, or null where the bytes are not one of whole numbers that are safe to calculate with. */
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

/** The extents, or null where they are not ascending, apart, not empty and within `sizeBytes`. */
export function decodeExtents(bytes: Uint8Array, sizeBytes: number): Float64Array | null {
  const list = decodeNumbers(bytes);
  if (list === null || list.length % 2 !== 0) return null;
  let end = -1;
  for (let index = 0; index < list.length; index += 2) {
    const start = list[index] as number;
    const length = list[index + 1] as number;
    // The length is held against what is left: a sum might not be exact.
    if (start <= end || length === 0 || start > sizeBytes || length > sizeBytes - start)
      return null;
    end = start + length;
  }
  return list;
}

/** Whether every number is greater than the one before it, and less than `limit`. */
export function areAscending(numbers: Float64Array, limit: number): boolean {
  return numbers.every(
    (number, index) => number < limit && (index === 0 || number > (numbers[index - 1] as number)),
  );
}
