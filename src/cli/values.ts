/** Option values as people write them: sizes and rates with units. */

import { exitCodes, FastsyncError } from '../errors.js';
import { durationOf, longestFreezeMs, longestTimerMs, sizeOf } from '../quantities.js';

/** "64M", "1.5GiB", "4096": bytes (see sizeOf). Throws a usage error that names the option. */
export function parseSize(option: string, text: string): number {
  const bytes = sizeOf(text);
  if (bytes !== null) return bytes;
  throw usage(`--${option}: expected a size such as 64M or 1.5G, got "${text}"`);
}

/** "90m", "2h", "3d": milliseconds (see durationOf). Throws a usage error that names the option. */
export function parseDuration(option: string, text: string): number {
  const ms = durationOf(text);
  if (ms !== null && ms <= longestTimerMs) return ms;
  throw usage(`--${option}: expected a time such as 90m or 2h, up to 24d, got "${text}"`);
}

/** How long writers may wait: milliseconds. Throws a usage error. */
export function parseFreeze(text: string): number {
  const ms = parseDuration('max-freeze', text);
  if (ms <= longestFreezeMs) return ms;
  throw usage(`--max-freeze: expected an hour at most, got "${text}"`);
}

/** After how long without a sign of life another host counts as dead: milliseconds. Throws a usage error. */
export function parsePeerTimeout(text: string): number {
  const ms = parseDuration('peer-timeout', text);
  if (ms >= 5000) return ms;
  throw usage(`--peer-timeout: expected at least 5s, got "${text}"`);
}

/** What a mark of the tracker stands for: bytes. Throws a usage error. */
export function parseGranularity(text: string): number {
  const bytes = parseSize('granularity', text);
  if (Number.isInteger(Math.log2(bytes)) && bytes >= 4096 && bytes <= 2 ** 30) return bytes;
  throw usage(`--granularity: expected a power of two from 4K to 1G, got "${text}"`);
}

/** A whole number from `least` to `most`. Throws a usage error that names the option. */
export function checkCount(option: string, value: number, least: number, most: number): number {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return value;
  throw usage(`--${option}: expected a whole number from ${least} to ${most}, got "${value}"`);
}

export function usage(message: string): FastsyncError {
  return new FastsyncError({ code: 'USAGE', exitCode: exitCodes.usage, message });
}
