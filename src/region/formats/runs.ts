/** A map without its reasons: runs of used and of free bytes in turn, which most formats are lists of. */

import type { RangeTable } from '../../../fsparsers/rangetable.js';
import { isUsed } from '../../../fsparsers/reason.js';
import type { ExtentList } from '../../../fsparsers/extents.js';

export interface Run {
  readonly start: number;
  readonly length: number;
  readonly used: boolean;
}

/** Covers the same bytes as `ranges`, in order; neighbours differ in `used`. */
export function* runsOf(ranges: RangeTable): Generator<Run> {
  let start = 0;
  let end = 0;
  let used = true;
  for (const range of ranges) {
    const isRangeUsed = isUsed(range.reason);
    if (isRangeUsed !== used && end > start) {
      yield { start, length: end - start, used };
      start = end;
    }
    used = isRangeUsed;
    end = range.start + range.length;
  }
  if (end > start) yield { start, length: end - start, used };
}

/** The same of a list of extents on a device of `bytes`; what is in the list is used. */
export function* runsOfExtents(extents: ExtentList, bytes: number): Generator<Run> {
  let position = 0;
  for (let index = 0; index < extents.length; index += 2) {
    const start = extents[index] as number;
    const length = extents[index + 1] as number;
    if (start > position) yield { start: position, length: start - position, used: false };
    yield { start, length, used: true };
    position = start + length;
  }
  if (bytes > position) yield { start: position, length: bytes - position, used: false };
}
