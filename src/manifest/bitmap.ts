/** Bitmaps of 256 bits, the lowest bit of the first byte first. */

import { bitmapBytes, fanOut } from './format.js';

export function bitmapOf(bits: Iterable<number>): Uint8Array {
  const bitmap = new Uint8Array(bitmapBytes);
  for (const bit of bits) bitmap[bit >>> 3] = (bitmap[bit >>> 3] ?? 0) | (1 << (bit & 7));
  return bitmap;
}

export function hasBit(bitmap: Uint8Array, bit: number): boolean {
  return (((bitmap[bit >>> 3] ?? 0) >>> (bit & 7)) & 1) === 1;
}

/** The bits that are set, ascending. */
export function bitsOf(bitmap: Uint8Array): number[] {
  return Array.from({ length: fanOut }, (_, bit) => bit).filter((bit) => hasBit(bitmap, bit));
}

/** Whether every bit of `inner` is also in `outer`. */
export function isWithin(inner: Uint8Array, outer: Uint8Array): boolean {
  return inner.every((byte, index) => (byte & ~(outer[index] ?? 0)) === 0);
}
