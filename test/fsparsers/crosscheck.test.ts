/** Claims held against free space, by a plain model; when owners are asked, and when that is too costly. */

import test from 'ava';
import { skipOwners } from '../../fsparsers/crosscheck.js';
import { MapBuilder } from '../../fsparsers/mapbuilder.js';
import { seededRandom } from '../support/random.js';

test('a claim counts the free and bad bytes in it, and makes all of it data', (t) => {
  const random = seededRandom(t, 4711);
  const below = (limit: number) => random.between(0, limit);
  for (let round = 0; round < 300; round++) {
    const bytes = 1 + below(400);
    const builder = new MapBuilder(bytes);
    const free = new Uint8Array(bytes);
    const bad = new Uint8Array(bytes);
    for (let mark = below(30); mark > 0; mark--) {
      const start = below(bytes);
      const length = below(20);
      const [reason, model] = below(10) < 7 ? (['free', free] as const) : (['bad', bad] as const);
      builder.mark(reason, start, length);
      model.fill(1, start, start + length);
    }
    for (let claim = below(20); claim > 0; claim--) {
      const start = below(bytes);
      const length = 1 + below(bytes - start);
      const sum = [free, bad]
        .flatMap((model) => [...model.subarray(start, start + length)])
        .reduce((total, one) => total + one, 0);
      t.is(builder.claim(start, length), sum, `${start} + ${length}`);
    }
  }
});

test('owners that all claim everything, most of it free in small pieces, do not take for ever', (t) => {
  const pieces = 1 << 18;
  const builder = new MapBuilder(2 * pieces);
  for (let piece = 0; piece < pieces; piece++) builder.mark('free', 2 * piece, 1);
  for (let claim = 0; claim < 1 << 20; claim++) {
    if (builder.claim(0, 2 * pieces) !== pieces) t.fail(`claim ${claim}`);
  }
  t.deepEqual([...builder.build()], [{ start: 0, length: 2 * pieces, reason: 'data' }]);
});

test('a list of bad blocks has its owners asked, whatever it costs, but not while writers wait', (t) => {
  const gibibyte = 2 ** 30;
  const cost = { owners: 'x', ownersBytes: gibibyte, msPerMebibyte: 9, usedBytes: gibibyte };
  t.is(skipOwners({}, cost)?.crossCheck.state, 'skipped');
  t.is(skipOwners({}, { ...cost, hasBad: true }), null);
  t.is(skipOwners({ writersWait: true }, { ...cost, hasBad: true })?.crossCheck.state, 'skipped');
  t.is(skipOwners({ crossCheck: 'none' }, { ...cost, hasBad: true })?.crossCheck.state, 'skipped');
  t.is(skipOwners({}, { ...cost, ownersBytes: 2 ** 20 }), null);
  t.is(skipOwners({ writersWait: true }, { ...cost, ownersBytes: 2 ** 20 }), null);
  t.is(skipOwners({}, { ...cost, usedBytes: 32 * gibibyte }), null);
});
