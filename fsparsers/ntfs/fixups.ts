/**
 * Update sequences: NTFS writes one number over the last two bytes of each 512 bytes of a record and
 * keeps the bytes themselves in an array, so that a record written in part is seen.
 */

import { ParseError, type ParseErrorPlace } from '../errors.js';

const strideBytes = 512;

/**
 * A copy of the record with the bytes put back in their places. The stride is 512 bytes whatever the
 * sector size (Linux fs/ntfs3/record.c and fsntfs.c, ntfs_fix_post_read).
 * @throws ParseError CORRUPT where the array is not sound or a stride carries another number.
 */
export function applyFixups(record: Uint8Array, place: ParseErrorPlace): Uint8Array {
  const fixed = new Uint8Array(record);
  const fault = fixInPlace(new DataView(fixed.buffer));
  if (fault !== null) throw new ParseError('CORRUPT', fault, place);
  return fixed;
}

/** Puts the bytes of a record back in their places, or says why that cannot be done. */
export function fixInPlace(record: DataView): string | null {
  const arrayAt = record.getUint16(4, true);
  const strides = record.getUint16(6, true) - 1;
  if (strides < 1 || strides * strideBytes !== record.byteLength) {
    return `an update sequence for ${strides} strides`;
  }
  if (arrayAt % 2 !== 0 || arrayAt + 2 * (strides + 1) > strideBytes - 2) {
    return `the update sequence lies at ${arrayAt}`;
  }
  const sequence = record.getUint16(arrayAt, true);
  for (let stride = 1; stride <= strides; stride++) {
    const at = stride * strideBytes - 2;
    if (record.getUint16(at, true) !== sequence) {
      return `stride ${stride} was not written with the others`;
    }
    record.setUint16(at, record.getUint16(arrayAt + 2 * stride, true), true);
  }
  return null;
}
