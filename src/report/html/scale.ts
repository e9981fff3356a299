/** The scale of an axis: a round number at the top, half of it in the middle, and labels for both. */

import { formatBytes, formatDuration, formatRate } from '../units.js';

export interface Scale {
  /** The labels at the top, in the middle and at the bottom. */
  readonly labels: readonly [string, string, string];
  /** The position of a value: 0 at the bottom, 1 at the top. */
  readonly place: (value: number) => number;
}

function linear(top: number, format: (value: number) => string): Scale {
  return {
    labels: [format(top), format(top / 2), '0'],
    place: (value) => Math.min(1, Math.max(0, value / top)),
  };
}

/** The first step that is at least `value`. */
function roundUp(value: number, steps: readonly number[]): number {
  return steps.find((step) => step >= value) ?? value;
}

const powersOfTwo = Array.from({ length: 64 }, (_, power) => 2 ** power);

export function byteScale(most: number): Scale {
  return linear(roundUp(Math.max(2, most), powersOfTwo), formatBytes);
}

export function rateScale(most: number): Scale {
  return linear(roundUp(Math.max(2, most), powersOfTwo), formatRate);
}

const minute = 60;
const hour = 60 * minute;
const day = 24 * hour;

const timeSteps = [
  ...[1, 2, 4, 10, 20, 40],
  ...[1, 2, 4, 10, 20, 40].map((minutes) => minutes * minute),
  ...[1, 2, 4, 8, 16].map((hours) => hours * hour),
  ...[1, 2, 4, 10, 20, 40, 60, 100, 200, 400, 1000, 2000, 4000, 10_000].map((days) => days * day),
];

export function timeScale(mostSeconds: number): Scale {
  return linear(roundUp(mostSeconds, timeSteps), formatRoundTime);
}

/** Like formatDuration, without the "0 min" of a whole hour, and in days from one on. */
function formatRoundTime(seconds: number): string {
  if (seconds >= day) return seconds === day ? '1 day' : `${seconds / day} days`;
  if (seconds >= hour && seconds % hour === 0) return `${seconds / hour} h`;
  if (seconds >= minute && seconds % minute === 0) return `${seconds / minute} min`;
  return formatDuration(seconds);
}

/** Top values whose half is also a round number in powers of two. */
const topPowers = [20, 30, 40, 50];

/** Logarithmic, because differences range from a sector to a whole disk. */
export function logByteScale(most: number): Scale {
  const power = roundUp(Math.log2(Math.max(1, most)), topPowers);
  return {
    labels: [formatBytes(2 ** power), formatBytes(2 ** (power / 2)), '0'],
    place: (value) => Math.min(1, Math.log2(1 + Math.max(0, value)) / power),
  };
}
