/** Option values as people write them: sizes and rates with units. */

import type { Options } from 'yargs';
import { exitCodes, FastsyncError } from '../errors.js';
import { durationOf, longestTimerMs, sizeOf } from '../quantities.js';

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

/**
 * Holds what yargs let through against what was declared: an option given twice is a list to it, and
 * `--no-src` is false. Throws a usage error that names the option.
 */
export function checkShapes(
  args: Readonly<Record<string, unknown>>,
  options: Readonly<Record<string, Options>>,
): void {
  for (const [name, { type, array, default: usual }] of Object.entries(options)) {
    const value = args[name];
    if (value === undefined && usual === undefined) continue;
    const values: readonly unknown[] = Array.isArray(value) ? value : [value];
    if (array !== true && values.length > 1) throw usage(`--${name} was given more than once`);
    const isWrong = (one: unknown) => typeof one !== (type ?? 'string') || one === '';
    if (values.length === 0 || values.some(isWrong)) throw usage(`--${name} needs a value`);
  }
}

/** A whole number from `least` to `most`. Throws a usage error that names the option. */
export function checkCount(option: string, value: number, least: number, most: number): number {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return value;
  throw usage(`--${option}: expected a whole number from ${least} to ${most}, got "${value}"`);
}

export function usage(message: string): FastsyncError {
  return new FastsyncError({ code: 'USAGE', exitCode: exitCodes.usage, message });
}
