/** Points in time for people, always in UTC, so that the reports of two hosts can be compared. */

/** "2026-05-01 02:00 UTC"; "an unknown time" for an invalid one. */
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
