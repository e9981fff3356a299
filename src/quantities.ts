/** Parses sizes and times, for the command line and the configuration file. */

const exponents: Readonly<Record<string, number>> = { '': 0, k: 1, m: 2, g: 3, t: 4, p: 5 };

/** "64M", "1.5GiB", "4096": bytes, in powers of 1024, with or without "iB" or "B". Null: not a size. */
export function sizeOf(text: string): number | null {
  const match = /^(\d+(?:\.\d+)?)\s*([kmgtp]?)(?:i?b)?$/i.exec(text.trim());
  if (match === null) return null;
  const exponent = exponents[match[2]?.toLowerCase() ?? ''] ?? 0;
  const bytes = Math.floor(Number(match[1]) * 1024 ** exponent);
  return Number.isSafeInteger(bytes) ? bytes : null;
}

const secondsOf: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** "90m", "2h", "1.5h", "45s", "7d": milliseconds, more than 0. Null: not a time. */
export function durationOf(text: string): number | null {
  const match = /^(\d+(?:\.\d+)?)\s*([smhd])$/i.exec(text.trim());
  if (match === null) return null;
  const ms = Math.round(
    Number(match[1]) * (secondsOf[match[2]?.toLowerCase() ?? ''] ?? NaN) * 1000,
  );
  return Number.isSafeInteger(ms) && ms > 0 ? ms : null;
}

/** The longest that the watchdog of a freeze waits: the limit in native/freezer/main.cc. */
export const longestFreezeMs = 3_600_000;

/** The longest delay of a timer: a little more than 24 days. */
export const longestTimerMs = 2 ** 31 - 1;
