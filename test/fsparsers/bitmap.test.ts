/** The bit scanner against a scan bit by bit. */

import test from 'ava';
import fc from 'fast-check';
import { visitBitRuns } from '../../fsparsers/bitmap.js';

function runsOf(bytes: Uint8Array, bitCount: number): [number, number, boolean][] {
  const runs: [number, number, boolean][] = [];
  visitBitRuns(bytes, bitCount, (...run) => runs.push(run));
  return runs;
}

function runsBitByBit(bytes: Uint8Array, bitCount: number): [number, number, boolean][] {
  const runs: [number, number, boolean][] = [];
  for (let bit = 0; bit < bitCount; bit++) {
    const isSet = (((bytes[bit >> 3] ?? 0) >> (bit & 7)) & 1) === 1;
    const last = runs.at(-1);
    if (last?.[2] === isSet) last[1]++;
    else runs.push([bit, 1, isSet]);
  }
  return runs;
}

/** Long runs of equal bytes as well as noise, at any alignment of the underlying buffer. */
const bitmaps = fc
  .tuple(
    fc.array(
      fc.oneof(
        fc.uint8Array({ maxLength: 9 }),
        fc
          .tuple(fc.constantFrom(0x00, 0xff), fc.nat(40))
          .map(([byte, count]) => new Uint8Array(count).fill(byte)),
      ),
      { maxLength: 8 },
    ),
    fc.nat(7),
  )
  .map(([parts, shift]) => {
    const whole = Buffer.concat([new Uint8Array(shift), ...parts]);
    return new Uint8Array(whole.buffer, whole.byteOffset + shift, whole.length - shift);
  });

test('finds the same runs as a scan bit by bit', (t) => {
  fc.assert(
    fc.property(bitmaps, fc.nat(31), (bytes, cutBits) => {
      const bitCount = Math.max(0, bytes.length * 8 - cutBits);
      t.deepEqual(runsOf(bytes, bitCount), runsBitByBit(bytes, bitCount));
    }),
    { numRuns: 2000 },
  );
});

test('refuses more bits than there are', (t) => {
  t.throws(() => runsOf(new Uint8Array(4), 33), { instanceOf: RangeError });
});
