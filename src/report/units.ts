/** Numbers for people: sizes, rates, times. */

const sizeUnits = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** `1536` becomes "1.5 KiB": three significant digits, binary units. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < sizeUnits.length - 1) {
    value /= 1024;
    unit++;
  }
  const digits = unit === 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return `${trimZeroes(value.toFixed(digits))} ${sizeUnits[unit] ?? ''}`;
}

export function formatRate(bytesPerSecond: number): string {
  return `${formatBytes(bytesPerSecond)}/s`;
}

/** `3725` becomes "1 h 2 min"; below a minute, seconds. */
export function formatDuration(seconds: number): string {
  if (seconds < 10) return `${trimZeroes(seconds.toFixed(1))} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${whole % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** How long ago, in the largest suitable unit: "9 days", "3 h 20 min". */
export function formatAge(seconds: number): string {
  const days = Math.floor(seconds / 86_400);
  return days >= 2 ? `${days} days` : formatDuration(seconds);
}

/** One digit after the point; "100 %" only when everything is done. */
export function formatPercent(part: number, whole: number): string {
  if (whole === 0) return '100 %';
  const percent = (100 * part) / whole;
  return `${(part < whole ? Math.min(percent, 99.9) : 100).toFixed(1)} %`;
}

function trimZeroes(text: string): string {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}
