import test from 'ava';
import fc from 'fast-check';
import { intersect, totalBytes, union } from '../../fsparsers/extents.js';
import { badExtents, readableExtents, usedExtents } from '../../src/region/frommap.js';
import { anyReason, mapOf } from '../support/any-map.js';
import { freeExtents } from '../support/free-extents.js';

test('used, free and bad share no byte and cover the device', (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(anyReason, fc.nat(999), fc.integer({ min: 1, max: 200 }))),
      (marks) => {
        const map = mapOf(1000, marks);
        const used = usedExtents(map.ranges);
        const free = freeExtents(map.ranges);
        const bad = badExtents(map.ranges);
        t.is(totalBytes(intersect(used, free)), 0);
        t.is(totalBytes(used) + totalBytes(free) + totalBytes(bad), 1000);
        t.deepEqual([...union(union(used, free), bad)], [0, 1000]);
        t.deepEqual(readableExtents(map), union(used, free));
        const totals = map.ranges.totals();
        t.is(totalBytes(free), totals.free);
        t.is(totalBytes(bad), totals.bad);
      },
    ),
  );
});
