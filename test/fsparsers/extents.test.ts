/** The set operations against the simplest model there is: one byte of memory per byte of device. */

import test from 'ava';
import fc from 'fast-check';
import {
  alignOutward,
  canonical,
  clip,
  coalesce,
  eachExtent,
  intersect,
  subtract,
  totalBytes,
  union,
} from '../../fsparsers/extents.js';

const deviceBytes = 96;

type Bitmap = readonly boolean[];

function toBitmap(list: Float64Array): Bitmap {
  const bits = new Array<boolean>(deviceBytes).fill(false);
  for (const { start, length } of eachExtent(list)) bits.fill(true, start, start + length);
  return bits;
}

function fromBitmap(bits: Bitmap): Float64Array {
  const pairs: number[] = [];
  for (let start = 0; start < bits.length; start++) {
    if (bits[start] !== true) continue;
    let end = start;
    while (bits[end] === true) end++;
    pairs.push(start, end - start);
    start = end;
  }
  return Float64Array.from(pairs);
}

const bitmap = fc.array(fc.boolean(), { minLength: deviceBytes, maxLength: deviceBytes });
const extents = fc
  .array(fc.tuple(fc.integer({ min: 0, max: deviceBytes - 1 }), fc.integer({ min: 0, max: 20 })))
  .map((pairs) =>
    Float64Array.from(
      pairs.flatMap(([start, length]) => [start, Math.min(length, deviceBytes - start)]),
    ),
  );
const dense = fc.oneof(bitmap.map(fromBitmap), extents.map(canonical));

function binary(
  name: string,
  operation: (a: Float64Array, b: Float64Array) => Float64Array,
  model: (a: boolean, b: boolean) => boolean,
) {
  test(`${name} is the bitmap's, and canonical`, (t) => {
    fc.assert(
      fc.property(dense, dense, (a, b) => {
        const right = toBitmap(b);
        const expected = fromBitmap(toBitmap(a).map((bit, at) => model(bit, right[at] ?? false)));
        t.deepEqual(operation(a, b), expected);
      }),
    );
  });
}

binary('union', union, (a, b) => a || b);
binary('intersect', intersect, (a, b) => a && b);
binary('subtract', subtract, (a, b) => a && !b);

test('canonical makes any pairs sorted, merged and free of empty ones', (t) => {
  fc.assert(
    fc.property(extents, (pairs) => {
      t.deepEqual(canonical(pairs), fromBitmap(toBitmap(pairs)));
    }),
  );
});

test('clip keeps what lies inside', (t) => {
  fc.assert(
    fc.property(dense, fc.nat(deviceBytes), fc.nat(deviceBytes), (list, start, length) => {
      const expected = toBitmap(list).map((bit, at) => bit && at >= start && at < start + length);
      t.deepEqual(clip(list, start, length), fromBitmap(expected));
    }),
  );
});

test('coalesce fills exactly the gaps below the limit', (t) => {
  fc.assert(
    fc.property(dense, fc.nat(30), (list, gapBytes) => {
      const bits = [...toBitmap(list)];
      const gaps = fromBitmap(bits.map((bit) => !bit));
      for (const { start, length } of eachExtent(gaps)) {
        const inside = start > 0 && start + length < deviceBytes;
        if (inside && length < gapBytes) bits.fill(true, start, start + length);
      }
      t.deepEqual(coalesce(list, gapBytes), fromBitmap(bits));
    }),
  );
});

test('alignOutward covers whole units', (t) => {
  fc.assert(
    fc.property(dense, fc.integer({ min: 1, max: 12 }), (list, alignBytes) => {
      const bits = toBitmap(list);
      const unit = (at: number) => {
        const first = Math.floor(at / alignBytes) * alignBytes;
        return bits.slice(first, first + alignBytes);
      };
      const outward = bits.map((_, at) => unit(at).includes(true));
      t.deepEqual(alignOutward(list, alignBytes, deviceBytes), fromBitmap(outward));
    }),
  );
});

test('totalBytes counts each byte once', (t) => {
  fc.assert(
    fc.property(dense, (list) => totalBytes(list) === toBitmap(list).filter(Boolean).length),
  );
  t.is(totalBytes(Float64Array.of(0, 2 ** 45, 2 ** 46, 1)), 2 ** 45 + 1);
});

test('volumes past 2^32 blocks stay exact', (t) => {
  const terabyte = 2 ** 40;
  const a = Float64Array.of(0, 90 * terabyte);
  const b = Float64Array.of(terabyte + 512, 512);
  t.deepEqual([...subtract(a, b)], [0, terabyte + 512, terabyte + 1024, 89 * terabyte - 1024]);
});
