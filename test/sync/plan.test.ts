/** What a run copies: all that is used, rounded and joined, but never over what cannot be read. */

import test from 'ava';
import fc from 'fast-check';
import { intersect, subtract, totalBytes } from '../../src/region/extents.js';
import { badExtents, usedExtents } from '../../src/region/frommap.js';
import { planCopy } from '../../src/sync/plan.js';
import { anyMap } from '../support/any-map.js';

test('a plan covers what is used, nothing of what is listed as bad, and leaves the rest', (t) => {
  fc.assert(
    fc.property(anyMap, ({ deviceBytes, ranges }) => {
      const { body, head, free } = planCopy(ranges, deviceBytes);
      const used = usedExtents(ranges);
      const missing = subtract(subtract(used, body), head);
      t.is(totalBytes(missing), 0);
      for (const part of [body, head]) {
        t.is(totalBytes(intersect(part, badExtents(ranges))), 0);
        t.is(totalBytes(intersect(part, free)), 0);
      }
      t.is(totalBytes(body) + totalBytes(head) + totalBytes(free), deviceBytes);
    }),
  );
});
