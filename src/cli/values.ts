/** Option values as people write them: sizes and rates with units. */

import type { Options } from 'yargs';
import { exitCodes, FastsyncError } from '../errors.js';

const factors: Readonly<Record<string, number>> = { '': 1, k: 1, m: 2, g: 3, t: 4, p: 5 };

/**
 * "64M", "1.5GiB", "4096": bytes. Units are powers of 1024, with or without "iB" or "B".
 * Throws a usage error that names the option.
 */
export function parseSize(option: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([kmgtp]?)(?:i?b)?$/i.exec(text.trim());
  const unit = match?.[2]?.toLowerCase() ?? '';
  const exponent = unit === '' ? 0 : (factors[unit] ?? 0);
  const bytes = Math.floor(Number(match?.[1]) * 1024 ** exponent);
  if (match === null || !Number.isSafeInteger(bytes)) {
    throw usage(`--${option}: expected a size such as 64M or 1.5G, got "${text}"`);
  }
  return bytes;
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
