/** A volume covered over several nights: when it counts as well. */

import test from 'ava';
import { isUnfinished, stalenessOf } from '../../src/check/freshness.js';
import { mostSerious } from '../../src/check/index.js';
import { exitCodes } from '../../src/errors.js';
import type { RunRecord } from '../../src/history/index.js';
import type { VerifyReport } from '../../src/sync/index.js';
import { runOf } from '../support/runs.js';

const dayMs = 86_400_000;
const nights = (count: number, changes: Partial<RunRecord>) =>
  Array.from({ length: count }, (_, night) => runOf(night, changes));

function staleness(oldestProof: number | null, earlier: readonly RunRecord[]): string | null {
  const now = Date.parse(runOf(earlier.length).startedAt);
  const report = { oldestProof, startedAt: now } as VerifyReport;
  return stalenessOf(report, earlier, 7 * dayMs, now);
}

test('the oldest proof decides', (t) => {
  const earlier = nights(20, {});
  const now = Date.parse(runOf(20).startedAt);
  t.is(staleness(now - 7 * dayMs, earlier), null);
  t.regex(staleness(now - 7 * dayMs - 1, earlier) ?? '', /oldest proof is 7 days old/);
});

test('the first cover has as long as every later one', (t) => {
  t.is(staleness(null, []), null);
  t.is(staleness(null, nights(7, { oldestProof: null })), null);
  t.regex(
    staleness(null, nights(8, { oldestProof: null })) ?? '',
    /has not been proven for 8 days/,
  );
});

test('nights on which the pair could not be checked are neither a beginning nor an end', (t) => {
  const failed = { outcome: 'failed', oldestProof: null } as const;
  t.is(staleness(null, nights(30, failed)), null);
  const between = [runOf(0, { oldestProof: null }), ...nights(8, failed)];
  t.regex(staleness(null, between) ?? '', /has not been proven for 9 days/);
});

test('what was covered before and is not any more, as after growing, begins anew', (t) => {
  t.is(staleness(null, [...nights(30, {}), runOf(30, { oldestProof: null })]), null);
});

test('a night that did not come to what an earlier one left in doubt is no good night', (t) => {
  const none = new Float64Array(0);
  const notProven = { unreadable: none, changing: none, unstable: none };
  const stopped = (stoppedAtBytes: number, reachedBytes: number) =>
    ({
      answers: { different: none, notProven },
      missing: none,
      result: { interrupted: false, stoppedAtBytes, reachedBytes },
      repair: null,
      doubts: [],
    }) as unknown as VerifyReport;
  t.true(isUnfinished(stopped(4096, 4096)));
  t.false(isUnfinished(stopped(512, 4096)), 'it had no time for the one at 512');
});

test('the exit code of many is that of the worst, in the documented order', (t) => {
  const { different, incomplete, remote, usage, refused, interrupted, locked, done } = exitCodes;
  const order = [different, incomplete, remote, usage, refused, interrupted, locked, done];
  t.deepEqual([...order].sort(), Object.values(exitCodes).sort(), 'every code has its place');
  for (const [index, code] of order.entries()) {
    t.is(mostSerious(order.slice(index).reverse()), code);
  }
  t.is(mostSerious([]), done);
});
