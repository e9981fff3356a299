/** What is in doubt is copied, whatever else is said of it. */

import test from 'ava';
import { MapBuilder } from '../../fsparsers/mapbuilder.js';
import type { Reason } from '../../fsparsers/reason.js';

function reasonOf(...marks: readonly Reason[]): Reason {
  const builder = new MapBuilder(4096);
  for (const reason of marks) builder.mark(reason, 0, 4096);
  return builder.build().at(0).reason;
}

test('a list of bad blocks leaves nothing out where the structures are in doubt', (t) => {
  t.is(reasonOf('data', 'bad'), 'bad');
  t.is(reasonOf('unknown', 'bad'), 'unknown');
  t.is(reasonOf('free', 'unknown', 'data', 'bad'), 'unknown');
});
