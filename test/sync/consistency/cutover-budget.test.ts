/** When a round is worth it: figures in, decision out. */

import test from 'ava';
import {
  decideCutover,
  type Decision,
  expectedFreezeMs,
  likelyReading,
} from '../../../src/sync/consistency/freeze-budget.js';

const megabyte = 1e6;
/** 1 MB takes a millisecond. */
const bytesPerSecond = 1000 * megabyte;
const usual = { maxFreezeMs: 1000, maxRounds: 5, bufferBytes: 2000 * megabyte };

/** Readings by the milliseconds that a freeze would take. */
function decided(expectedMs: readonly number[], limits: Partial<typeof usual> = {}): Decision {
  const readings = expectedMs.map((ms) => ({ dirtyBytes: ms * megabyte, bytesPerSecond }));
  return decideCutover(readings, { ...usual, ...limits });
}

const cases: readonly [string, readonly number[], Partial<typeof usual>, Decision][] = [
  ['nothing is known yet', [], {}, 'copy'],
  ['nothing is dirty', [0], {}, 'cutover'],
  ['hardly anything is dirty', [20], {}, 'cutover'],
  ['it would do, but may get better', [400], {}, 'copy'],
  ['it gets better', [1500, 1000, 700, 450], {}, 'copy'],
  ['it got better in the end', [1500, 900, 20], {}, 'cutover'],
  ['it no longer gets better, and fits', [400, 390, 400], {}, 'cutover'],
  ['it no longer gets better, and does not fit', [1500, 1490, 1500], {}, 'give up'],
  ['it gets worse and worse', [700, 900, 1100], {}, 'give up'],
  ['one bad round is not the end', [400, 500, 100], {}, 'copy'],
  ['it fits only without time for the freeze itself', [900, 900, 900], {}, 'give up'],
  ['rounds are over, and it fits', [500, 300, 150], { maxRounds: 2 }, 'cutover'],
  ['rounds are over, and it does not fit', [5000, 3000, 1500], { maxRounds: 2 }, 'give up'],
  ['the last round is made', [500, 300], { maxRounds: 2 }, 'copy'],
  ['it fits in time, not in memory', [400, 400, 400], { bufferBytes: 1000 }, 'give up'],
  ['no memory at all', [20, 20, 20], { bufferBytes: -1 }, 'give up'],
  ['a moment is too long here', [20, 20, 20], { maxFreezeMs: 30 }, 'give up'],
];

for (const [title, expectedMs, limits, decision] of cases) {
  test(`${title}: ${decision}`, (t) => {
    t.is(decided(expectedMs, limits), decision);
  });
}

test('a source that cannot be read at all would stand still for ever', (t) => {
  t.is(expectedFreezeMs({ dirtyBytes: 1, bytesPerSecond: 0 }), Infinity);
  t.is(expectedFreezeMs({ dirtyBytes: 0, bytesPerSecond: Infinity }), 0);
  const stuck = Array(3).fill({ dirtyBytes: 1, bytesPerSecond: 0 }) as never[];
  t.is(decideCutover(stuck, usual), 'give up');
});

test('one slow reading beside busy writers says little of a freeze, in which nobody writes', (t) => {
  const dirtyBytes = 400 * megabyte;
  const courses: readonly [readonly number[], Decision][] = [
    [[1000, 1000, 60], 'cutover'],
    [[60, 60, 1000], 'cutover'],
    [[60, 60, 60], 'give up'],
    [[1000, 60, 60, 60], 'give up'],
  ];
  for (const [speeds, decision] of courses) {
    const readings = speeds.map((speed) => ({ dirtyBytes, bytesPerSecond: speed * megabyte }));
    t.is(decideCutover(readings, usual), decision, String(speeds));
  }
  // Nothing to read is no reading.
  const idle = { dirtyBytes: 0, bytesPerSecond: Infinity };
  const slow = { dirtyBytes, bytesPerSecond: 60 * megabyte };
  t.is(likelyReading([idle, slow])?.bytesPerSecond, 60 * megabyte);
});

test('every course comes to an end', (t) => {
  for (const start of [10, 100, 1000, 10_000]) {
    for (const factor of [0.5, 0.79, 0.9, 1, 1.5]) {
      const course = [start];
      while (decided(course) === 'copy') {
        t.true(course.length <= usual.maxRounds);
        course.push((course.at(-1) ?? 0) * factor);
      }
    }
  }
});
