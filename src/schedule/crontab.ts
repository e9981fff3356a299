/** The same schedule as a line of a crontab(5), where there is no systemd. */

import { shellWord } from '../shell-word.js';
import type { Schedule } from './types.js';

/** Null: cron cannot express that time. */
export function crontabLine(schedule: Schedule): string | null {
  const when = cronTime(schedule.calendar);
  if (when === null) return null;
  const { command, randomDelaySeconds, idle } = schedule;
  const words = [...(idle ? ['ionice', '-c', '3'] : []), ...command.map(shellWord)].join(' ');
  const delay = randomDelaySeconds > 0 ? `sleep $(shuf -n 1 -i 0-${randomDelaySeconds}); ` : '';
  // In a crontab, an unescaped % ends the command.
  return `${when} ${`${delay}${words}`.replaceAll('%', String.raw`\%`)}`;
}

const weekdays = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

const shorthands: Readonly<Record<string, string>> = {
  hourly: '0 * * * *',
  daily: '0 0 * * *',
  weekly: '0 0 * * 1',
  monthly: '0 0 1 * *',
};

/** "*-*-* 02:30", "Mon,Thu 02:30", "Sun *-*-* 4:00:00" and the shorthands; null for all else. */
function cronTime(calendar: string): string | null {
  const shorthand = shorthands[calendar.trim().toLowerCase()];
  if (shorthand !== undefined) return shorthand;
  const match = /^(?:([a-z,]+)\s+)?(?:\*-\*-\*\s+)?(\d{1,2}):(\d{2})(?::00)?$/i.exec(
    calendar.trim(),
  );
  if (match === null) return null;
  const [, names, hour, minute] = match;
  const days = names?.split(',').map((name) => weekdays.indexOf(name.slice(0, 3).toLowerCase()));
  if (days?.includes(-1)) return null;
  return `${Number(minute)} ${Number(hour)} * * ${days?.join(',') ?? '*'}`;
}
