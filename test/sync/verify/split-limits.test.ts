/** Cutting a work list: pieces follow each other to the end, and a position never claims too much. */

import test from 'ava';
import fc from 'fast-check';
import { canonical, clip, totalBytes } from '../../../src/region/index.js';
import { offsetAt, pieceFrom } from '../../../src/sync/verify/split-limits.js';

const list = fc
  .array(fc.tuple(fc.nat(900), fc.integer({ min: 1, max: 90 })), { maxLength: 9 })
  .map((pairs) => canonical(Float64Array.from(pairs.flat())));
const unit = fc.constantFrom(1, 4, 16);

test('pieces of any size go through the list to its end, each on a cut', (t) => {
  fc.assert(
    fc.property(list, unit, fc.integer({ min: 1, max: 300 }), (extents, cutBytes, bytes) => {
      const splitLimits = { cutBytes, endBytes: 1000 };
      let done = 0;
      let position = 0;
      while (position < 1000) {
        const end = pieceFrom(extents, position, bytes, splitLimits);
        t.true(end > position && end <= 1000);
        t.true(end === 1000 || end % cutBytes === 0);
        const piece = totalBytes(clip(extents, position, end - position));
        t.true(piece <= bytes + cutBytes);
        done += piece;
        position = end;
      }
      t.is(done, totalBytes(clip(extents, 0, 1000)));
    }),
  );
});

test('what lies before the place of a position has been gone through', (t) => {
  fc.assert(
    fc.property(list, unit, fc.nat(900), (extents, cutBytes, wanted) => {
      const position = Math.min(wanted, totalBytes(extents));
      const place = offsetAt(extents, position, cutBytes);
      t.is(place % cutBytes, 0);
      const before = totalBytes(clip(extents, 0, place));
      t.true(before <= position);
      t.true(before > position - cutBytes);
    }),
  );
});
