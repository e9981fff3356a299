/** How much may be left when writers have to wait: little, less after each freeze in vain, and no endless trying. */

import test from 'ava';
import { decide, EpochBudget } from '../../../src/sync/consistency/freeze-budget.js';

const mebibyte = 1024 ** 2;

test('what fits follows from how fast copying was, and from the longest freeze', (t) => {
  const budget = new EpochBudget(5000);
  budget.measured(100 * mebibyte, 1);
  // A tenth of five seconds at 100 MiB a second.
  t.is(budget.decide({ leftBytes: 50 * mebibyte, rounds: 1 }), 'cutover');
  t.is(budget.decide({ leftBytes: 50 * mebibyte, rounds: 0 }), 'copy', 'nothing was copied before');
  t.is(budget.decide({ leftBytes: 51 * mebibyte, rounds: 7 }), 'copy');
  t.is(budget.decide({ leftBytes: 200 * mebibyte, rounds: 7 }), 'copy');
  t.is(budget.decide({ leftBytes: 200 * mebibyte, rounds: 8 }), 'cutover');
  t.is(budget.decide({ leftBytes: 201 * mebibyte, rounds: 8 }), 'give up');
  t.is(budget.decide({ leftBytes: mebibyte / 4, rounds: 0 }), 'cutover');
  t.false(budget.isBeyond(200 * mebibyte));
  t.true(budget.isBeyond(201 * mebibyte));
});

test('each freeze in vain halves it, and after six it is known that this does not help', (t) => {
  const budget = new EpochBudget(5000);
  budget.measured(100 * mebibyte, 1);
  t.deepEqual(
    Array.from({ length: 6 }, () => {
      const isExhausted = budget.isExhausted;
      return [budget.lost(), isExhausted];
    }),
    ['once', 'again', 'again', 'again', 'again', 'again'].map((which) => [which, false]),
  );
  t.true(budget.isExhausted);
  t.is(budget.decide({ leftBytes: mebibyte, rounds: 1 }), 'copy');
  budget.lasted();
  t.false(budget.isExhausted);
  t.is(budget.decide({ leftBytes: 50 * mebibyte, rounds: 1 }), 'cutover');
});

test('what is comfortable is done at once, what is bearable when rounds no longer help', (t) => {
  const fits = ['comfortable', 'bearable', 'too much'] as const;
  t.deepEqual(
    fits.map((fit) => decide(fit, 'more')),
    ['cutover', 'copy', 'copy'],
  );
  t.deepEqual(
    fits.map((fit) => decide(fit, 'over')),
    ['cutover', 'cutover', 'give up'],
  );
});
