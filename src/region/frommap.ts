/** Extent lists from a used-region map: what to copy, and what must not be read. */

import type { RangeTable } from '../../fsparsers/rangetable.js';
import { isUsed, type Reason } from '../../fsparsers/reason.js';
import type { UsedMap } from '../../fsparsers/usedmap.js';
import { ExtentBuilder, type ExtentList, extentOf, subtract } from '../../fsparsers/extents.js';

function extentsWhere(ranges: RangeTable, counts: (reason: Reason) => boolean): ExtentList {
  const builder = new ExtentBuilder();
  for (const { start, length, reason } of ranges) {
    if (counts(reason)) builder.add(start, start + length);
  }
  return builder.finish();
}

/** Every range that is neither `free` nor `bad`. */
export function usedExtents(ranges: RangeTable): ExtentList {
  return extentsWhere(ranges, isUsed);
}

/** The ranges that the file system itself lists as unreadable: fastsync never reads them. */
export function badExtents(ranges: RangeTable): ExtentList {
  return extentsWhere(ranges, (reason) => reason === 'bad');
}

/** All of the volume, except what the file system lists as unreadable. */
export function readableExtents({ deviceBytes, ranges }: UsedMap): ExtentList {
  return subtract(extentOf(0, deviceBytes), badExtents(ranges));
}
