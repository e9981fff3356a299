/** What a map calls free, for tests that hold it against what other tools call free. */

import type { RangeTable } from '../../fsparsers/rangetable.js';
import { ExtentBuilder, type ExtentList } from '../../src/region/index.js';

export function freeExtents(ranges: RangeTable): ExtentList {
  const builder = new ExtentBuilder();
  for (const { start, length, reason } of ranges) {
    if (reason === 'free') builder.add(start, start + length);
  }
  return builder.finish();
}
