/** What a run copies: all that is used, rounded and joined, but never over what cannot be read. */

import test from 'ava';
import fc from 'fast-check';
import { intersect, subtract, totalBytes } from '../../../fsparsers/extents.js';
import { badExtents, usedExtents } from '../../../src/region/frommap.js';
import { planCopy, truncatePlan, withWholeHeader } from '../../../src/sync/plan.js';
import { headerBytes } from '../../../src/sync/target-header/index.js';
import { anyMap } from '../../support/any-map.js';

test('a plan covers what is used, nothing of what is listed as bad, and leaves the rest', (t) => {
  fc.assert(
    fc.property(anyMap, ({ deviceBytes, ranges }) => {
      const { body, header, free } = planCopy(ranges, deviceBytes);
      const used = usedExtents(ranges);
      const missing = subtract(subtract(used, body), header);
      t.is(totalBytes(missing), 0);
      for (const part of [body, header]) {
        t.is(totalBytes(intersect(part, badExtents(ranges))), 0);
        t.is(totalBytes(intersect(part, free)), 0);
      }
      t.is(totalBytes(body) + totalBytes(header) + totalBytes(free), deviceBytes);
    }),
  );
});

test('no figure of a plan is negative, cut off anywhere, with the whole header or without', (t) => {
  fc.assert(
    fc.property(
      anyMap,
      fc.double({ min: 0, max: 1.2, noNaN: true }),
      ({ deviceBytes, ranges }, at) => {
        const plan = planCopy(ranges, deviceBytes);
        for (const whole of [plan, withWholeHeader(plan, deviceBytes)]) {
          const limitBytes = Math.floor(at * deviceBytes);
          const cut = truncatePlan(whole, limitBytes, 0);
          t.is(totalBytes(cut.body) + totalBytes(cut.header), cut.copyBytes);
          t.is(cut.copyBytes + cut.truncatedBytes, whole.copyBytes);
          t.is(totalBytes(intersect(cut.header, cut.free)), 0);
          for (const bytes of [cut.truncatedBytes, cut.copyBytes, cut.freeBytes, cut.usedBytes]) {
            t.true(bytes >= 0);
          }
          if (limitBytes >= deviceBytes) t.is(cut.truncatedBytes, 0);
        }
        t.is(
          totalBytes(withWholeHeader(plan, deviceBytes).header),
          Math.min(headerBytes, deviceBytes),
        );
      },
    ),
  );
});
