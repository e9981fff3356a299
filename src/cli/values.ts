/** Option values as people write them: sizes and rates with units. */

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

/** A whole number of at least `least`. Throws a usage error that names the option. */
export function checkCount(option: string, value: number, least: number): number {
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw usage(`--${option}: expected a whole number of at least ${least}, got "${value}"`);
}

export function usage(message: string): FastsyncError {
  return new FastsyncError({ code: 'USAGE', exitCode: exitCodes.usage, message });
}
