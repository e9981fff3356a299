/** Scans allocation bitmaps (bit 0 of byte 0 first) a word at a time. */

/** Called for each maximal run of equal bits, in order; neighbouring calls differ in `isSet`. */
export type BitRunVisitor = (firstBit: number, bitCount: number, isSet: boolean) => void;

const wordBits = 32;
const allOnes = 0xffffffff;

/**
 * Visits the runs of equal bits among the first `bitCount` bits of `bytes`, which must hold them all.
 * Takes time proportional to the words plus the runs, and no memory.
 */
export function visitBitRuns(bytes: Uint8Array, bitCount: number, visit: BitRunVisitor): void {
  if (bitCount > bytes.length * 8) {
    throw new RangeError(`${bitCount} bits do not fit in ${bytes.length} bytes`);
  }
  if (bitCount <= 0) return;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let isSet = (view.getUint8(0) & 1) === 1;
  let runStart = 0;
  for (let base = 0; base < bitCount; base += wordBits) {
    const word = wordAt(view, base / 8);
    const limit = Math.min(wordBits, bitCount - base);
    // The bits that differ from the run end it: they are the ones in `other`.
    let other = isSet ? ~word >>> 0 : word;
    while (other !== 0) {
      const bit = trailingZeros(other);
      if (bit >= limit) break;
      visit(runStart, base + bit - runStart, isSet);
      runStart = base + bit;
      isSet = !isSet;
      other = (~other & (allOnes << bit)) >>> 0;
    }
  }
  visit(runStart, bitCount - runStart, isSet);
}

function wordAt(view: DataView, at: number): number {
  if (at + 4 <= view.byteLength) return view.getUint32(at, true);
  let word = 0;
  for (let byte = at; byte < view.byteLength; byte++) {
    word |= view.getUint8(byte) << (8 * (byte - at));
  }
  return word >>> 0;
}

function trailingZeros(word: number): number {
  return 31 - Math.clz32(word & -word);
}
