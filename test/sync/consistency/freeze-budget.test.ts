/** How much may be left when writers have to wait: little, less after each freeze in vain, and no endless trying. */

import test from 'ava';
import { FreezeBudget } from '../../../src/sync/consistency/freeze-budget.js';

const mebibyte = 1024 ** 2;

test('what fits follows from how fast copying was, and from the longest freeze', (t) => {
  const budget = new FreezeBudget(5000);
  budget.measured(100 * mebibyte, 1);
  // A tenth of five seconds at 100 MiB a second.
  t.true(budget.fits(50 * mebibyte, true));
  t.false(budget.fits(50 * mebibyte, false), 'not before anything was copied');
  t.false(budget.fits(51 * mebibyte, true));
  t.true(budget.mayDo(200 * mebibyte));
  t.true(budget.isBeyond(201 * mebibyte));
});

test('each freeze in vain halves it, and after six it is known that this does not help', (t) => {
  const budget = new FreezeBudget(5000);
  budget.measured(100 * mebibyte, 1);
  t.deepEqual(
    Array.from({ length: 6 }, () => {
      const isExhausted = budget.isExhausted;
      return [budget.lost(), isExhausted];
    }),
    [true, false, false, false, false, false].map((isFirst) => [isFirst, false]),
  );
  t.true(budget.isExhausted);
  t.false(budget.fits(mebibyte, true));
  budget.kept();
  t.false(budget.isExhausted);
  t.true(budget.fits(50 * mebibyte, true));
});
