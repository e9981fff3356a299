/** Points in time for people: always UTC, so that two hosts' reports can be laid side by side. */

/** "2026-05-01 02:00 UTC"; what is no time at all is said to be unknown. */
export function formatInstant(text: string): string {
  const iso = isoOf(text);
  return iso === null ? 'an unknown time' : `${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC`;
}

/** "2026-05-01" */
export function formatDay(ms: number): string {
  return isoOf(ms)?.slice(0, 10) ?? '';
}

function isoOf(time: string | number): string | null {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
}
