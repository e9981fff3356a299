import test from 'ava';
import fc from 'fast-check';
import { MapBuilder } from '../../fsparsers/mapbuilder.js';
import type { Reason } from '../../fsparsers/reason.js';
import { intersect, totalBytes, union } from '../../src/region/extents.js';
import { badExtents, freeExtents, usedExtents } from '../../src/region/frommap.js';

const reason = fc.constantFrom<Reason>(
  'free',
  'unknown',
  'data',
  'bad',
  'outside',
  'journal',
  'metadata',
);

test('used, free and bad share no byte and cover the device; free is rounded inwards', (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(reason, fc.nat(999), fc.integer({ min: 1, max: 200 }))),
      fc.integer({ min: 1, max: 64 }),
      (marks, alignBytes) => {
        const builder = new MapBuilder(1000);
        for (const [why, start, length] of marks) builder.mark(why, start, length);
        const ranges = builder.build();
        const used = usedExtents(ranges);
        const free = freeExtents(ranges);
        t.is(totalBytes(intersect(used, free)), 0);
        const bad = badExtents(ranges);
        t.is(totalBytes(used) + totalBytes(free) + totalBytes(bad), 1000);
        t.deepEqual([...union(union(used, free), bad)], [0, 1000]);
        const totals = ranges.totals();
        t.is(totalBytes(free), totals.free);
        t.is(totalBytes(bad), totals.bad);
        const inward = freeExtents(ranges, alignBytes);
        t.deepEqual(intersect(inward, free), inward);
        t.true(inward.every((value) => value % alignBytes === 0));
      },
    ),
  );
});
