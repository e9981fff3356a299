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
  const view = new DataView(fixed.buffer);
  const arrayAt = view.getUint16(4, true);
  const strides = view.getUint16(6, true) - 1;
  if (strides < 1 || strides * strideBytes !== fixed.length) {
    throw new ParseError('CORRUPT', `an update sequence for ${strides} strides`, place);
  }
  if (arrayAt % 2 !== 0 || arrayAt + 2 * (strides + 1) > strideBytes - 2) {
    throw new ParseError('CORRUPT', `the update sequence lies at ${arrayAt}`, place);
  }
  const sequence = view.getUint16(arrayAt, true);
  for (let stride = 1; stride <= strides; stride++) {
    const at = stride * strideBytes - 2;
    if (view.getUint16(at, true) !== sequence) {
      throw new ParseError('CORRUPT', `stride ${stride} was not written with the others`, place);
    }
    view.setUint16(at, view.getUint16(arrayAt + 2 * stride, true), true);
  }
  return fixed;
}
