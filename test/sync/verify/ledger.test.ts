/** The ledger of proofs, against a model that keeps one moment for each byte. */

import test from 'ava';
import fc from 'fast-check';
import { canonical } from '../../../src/region/index.js';
import {
  emptyLedger,
  entered,
  isLedger,
  type Ledger,
  mostProofs,
  oldestProof,
} from '../../../src/sync/verify/ledger.js';

const deviceBytes = 60;

/** What a ledger says of each byte. */
function moments(ledger: Ledger): (number | null)[] {
  const list: (number | null)[] = [];
  for (const { endBytes, provenAt } of ledger) while (list.length < endBytes) list.push(provenAt);
  return list;
}

const extents = fc
  .array(fc.tuple(fc.nat(deviceBytes - 1), fc.integer({ min: 1, max: 20 })), { maxLength: 6 })
  .map((pairs) =>
    canonical(
      Float64Array.from(
        pairs.flatMap(([start, length]) => [start, Math.min(length, deviceBytes - start)]),
      ),
    ),
  );

test('it says of every byte when it was proven last', (t) => {
  fc.assert(
    fc.property(fc.array(fc.tuple(extents, fc.nat(5)), { maxLength: 8 }), (entries) => {
      const model = Array<number | null>(deviceBytes).fill(null);
      let ledger = emptyLedger(deviceBytes);
      for (const [proven, at] of entries) {
        ledger = entered(ledger, proven, at);
        for (let index = 0; index < proven.length; index += 2) {
          const start = proven[index] ?? 0;
          model.fill(at, start, start + (proven[index + 1] ?? 0));
        }
      }
      t.deepEqual(moments(ledger), model);
      t.true(isLedger(JSON.parse(JSON.stringify(ledger)), deviceBytes));
      for (let index = 1; index < ledger.length; index++) {
        t.not(ledger[index]?.provenAt, ledger[index - 1]?.provenAt, 'neighbours are joined');
      }
    }),
  );
});

test('the oldest proof is the least of the part asked about, and none where a byte has none', (t) => {
  fc.assert(
    fc.property(
      extents,
      extents,
      fc.nat(59),
      fc.integer({ min: 1, max: 60 }),
      (a, b, start, span) => {
        const ledger = entered(entered(emptyLedger(deviceBytes), a, 7), b, 3);
        const end = Math.min(deviceBytes, start + span);
        const part = moments(ledger).slice(start, end);
        const expected = part.includes(null) ? null : Math.min(...part.map(Number));
        t.is(oldestProof(ledger, start, end), expected);
      },
    ),
  );
});

test('it stays short, and what it joins never looks newer or proven', (t) => {
  const size = 40 * mostProofs;
  let ledger = entered(emptyLedger(size), Float64Array.of(0, size), 1000);
  const every = (step: number) =>
    Float64Array.from({ length: 2 * Math.floor(size / step) }, (_, index) =>
      index % 2 === 0 ? (index / 2) * step : 1,
    );
  const before = moments(entered(ledger, every(4), 2000));
  ledger = entered(ledger, every(4), 2000);
  t.true(ledger.length <= mostProofs);
  t.true(isLedger(ledger, size));
  const after = moments(ledger);
  t.true(after.every((at, index) => (at ?? -1) <= (before[index] ?? -1)));
});

test('what is none is not taken for one', (t) => {
  const good = [{ endBytes: deviceBytes, provenAt: 5 }];
  t.true(isLedger(good, deviceBytes));
  const bad: readonly unknown[] = [
    null,
    {},
    'ledger',
    [],
    [null],
    [7],
    [{ endBytes: deviceBytes }],
    [{ endBytes: deviceBytes, provenAt: '5' }],
    [{ endBytes: deviceBytes, provenAt: NaN }],
    [{ endBytes: deviceBytes, provenAt: -1 }],
    [{ endBytes: deviceBytes, provenAt: 1e300 }],
    [{ endBytes: deviceBytes + 1, provenAt: 5 }],
    [{ endBytes: 10.5, provenAt: 5 }, ...good],
    [{ endBytes: 0, provenAt: 5 }, ...good],
    [{ endBytes: 30, provenAt: 5 }, { endBytes: 20, provenAt: 5 }, ...good],
    Array.from({ length: mostProofs + 1 }, (_, index) => ({ endBytes: index + 1, provenAt: 5 })),
  ];
  for (const value of bad)
    t.false(isLedger(value, deviceBytes), JSON.stringify(value).slice(0, 80));
});
