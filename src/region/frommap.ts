/** From a used-region map to extent lists: what has to be copied, and what may be cleared. */

import type { RangeTable } from '../../fsparsers/usedmap.js';
import { alignInward, ExtentBuilder, type ExtentList } from './extents.js';

/** Every range whose reason is not `free`. */
export function usedExtents(ranges: RangeTable): ExtentList {
  const builder = new ExtentBuilder();
  for (const { start, length, reason } of ranges) {
    if (reason !== 'free') builder.add(start, start + length);
  }
  return builder.finish();
}

/** The free ranges, rounded inwards to multiples of `alignBytes`. */
export function freeExtents(ranges: RangeTable, alignBytes = 1): ExtentList {
  const builder = new ExtentBuilder();
  for (const { start, length, reason } of ranges) {
    if (reason === 'free') builder.add(start, start + length);
  }
  return alignInward(builder.finish(), alignBytes);
}
