/** A map without its reasons: runs of used and of free bytes in turn, which most formats are lists of. */

import type { RangeTable } from '../../../fsparsers/usedmap.js';

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
    const isUsed = range.reason !== 'free';
    if (isUsed !== used && end > start) {
      yield { start, length: end - start, used };
      start = end;
    }
    used = isUsed;
    end = range.start + range.length;
  }
  if (end > start) yield { start, length: end - start, used };
}
