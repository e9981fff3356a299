/** What `fastsync cron` takes. */

import type { InferredOptionTypes, Options } from 'yargs';
import { configOption } from '../options.js';

export const cronOptions = {
  'dry-run': {
    type: 'boolean',
    default: false,
    describe: 'Print the units and the crontab line, and write nothing',
  },
  write: { type: 'boolean', default: false, describe: 'Write the service and the timer' },
  config: configOption,
  calendar: {
    type: 'string',
    default: '*-*-* 02:30',
    describe: 'When to check, in the format of systemd.time(7): "*-*-* 02:30", "Sun 04:00", weekly',
  },
  'random-delay': {
    type: 'string',
    default: '0',
    describe: 'Delay each check by a random time of up to this: 30m',
  },
  idle: {
    type: 'boolean',
    default: false,
    describe: 'Run in the idle I/O scheduling class',
  },
  'unit-dir': {
    type: 'string',
    default: '/etc/systemd/system',
    describe: 'The directory to write the units to',
  },
  yes: {
    alias: 'y',
    type: 'boolean',
    default: false,
    describe: 'Overwrite units that fastsync did not write',
  },
} as const satisfies Record<string, Options>;

export type CronArguments = InferredOptionTypes<typeof cronOptions>;
