/** The proof ages of proofs, against a model that keeps one moment for each byte. */

import test from 'ava';
import fc from 'fast-check';
import { canonical } from '../../../src/region/index.js';
import {
  noProofs,
  withProof,
  isProofAges,
  type ProofAges,
  mostProofs,
  oldestProof,
} from '../../../src/sync/verify/proof-ages.js';

const deviceBytes = 60;

/** What a proof ages says of each byte. */
function moments(proofAges: ProofAges): (number | null)[] {
  const list: (number | null)[] = [];
  for (const { endBytes, provenAt } of proofAges)
    while (list.length < endBytes) list.push(provenAt);
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
      let proofAges = noProofs(deviceBytes);
      for (const [proven, at] of entries) {
        proofAges = withProof(proofAges, proven, at);
        for (let index = 0; index < proven.length; index += 2) {
          const start = proven[index] ?? 0;
          model.fill(at, start, start + (proven[index + 1] ?? 0));
        }
      }
      t.deepEqual(moments(proofAges), model);
      t.true(isProofAges(JSON.parse(JSON.stringify(proofAges)), deviceBytes));
      for (let index = 1; index < proofAges.length; index++) {
        t.not(proofAges[index]?.provenAt, proofAges[index - 1]?.provenAt, 'neighbours are joined');
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
        const proofAges = withProof(withProof(noProofs(deviceBytes), a, 7), b, 3);
        const end = Math.min(deviceBytes, start + span);
        const part = moments(proofAges).slice(start, end);
        const expected = part.includes(null) ? null : Math.min(...part.map(Number));
        t.is(oldestProof(proofAges, start, end), expected);
      },
    ),
  );
});

test('it stays short, and what it joins never looks newer or proven', (t) => {
  const size = 40 * mostProofs;
  let proofAges = withProof(noProofs(size), Float64Array.of(0, size), 1000);
  const every = (step: number) =>
    Float64Array.from({ length: 2 * Math.floor(size / step) }, (_, index) =>
      index % 2 === 0 ? (index / 2) * step : 1,
    );
  const before = moments(withProof(proofAges, every(4), 2000));
  proofAges = withProof(proofAges, every(4), 2000);
  t.true(proofAges.length <= mostProofs);
  t.true(isProofAges(proofAges, size));
  const after = moments(proofAges);
  t.true(after.every((at, index) => (at ?? -1) <= (before[index] ?? -1)));
});

test('what is none is not taken for one', (t) => {
  const good = [{ endBytes: deviceBytes, provenAt: 5 }];
  t.true(isProofAges(good, deviceBytes));
  const bad: readonly unknown[] = [
    null,
    {},
    'proofAges',
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
    t.false(isProofAges(value, deviceBytes), JSON.stringify(value).slice(0, 80));
});
