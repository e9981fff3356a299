/** Numbers that were met: held against the language's own set. */

import test from 'ava';
import { NumberSet } from '../../fsparsers/numberset.js';
import { seededRandom } from '../support/random.js';

test('it knows what was added, and nothing else', (t) => {
  const random = seededRandom(t, 417);
  const known = new Set<number>();
  const set = new NumberSet();
  for (let round = 0; round < 200_000; round++) {
    const number = 1 + random.between(0, 1000) * random.pick([1, 16, 4096, 2 ** 32 - 5]);
    t.is(set.add(number), !known.has(number), String(number));
    known.add(number);
  }
  // Side by side, as the blocks of one file.
  const row = new NumberSet();
  for (let number = 1; number < 300_000; number++) if (!row.add(number * 16)) t.fail();
  for (let number = 1; number < 300_000; number++) if (row.add(number * 16)) t.fail();
});

test('a full one takes no more, and calls the rest new', (t) => {
  const set = new NumberSet(3);
  for (const number of [1, 2, 3]) t.true(set.add(number));
  for (let time = 0; time < 2; time++) t.true(set.add(4));
  t.false(set.add(2));
});
