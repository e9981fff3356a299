/** What `fastsync cron` takes. */

import type { InferredOptionTypes, Options } from 'yargs';
import { defaultConfigPath } from '../../config/types.js';

export const cronOptions = {
  'dry-run': { type: 'boolean', default: false, describe: 'Print what would be written' },
  write: { type: 'boolean', default: false, describe: 'Write the service and the timer' },
  config: { type: 'string', default: defaultConfigPath, describe: 'The configuration file' },
  calendar: {
    type: 'string',
    default: '*-*-* 02:30',
    describe: 'When, as systemd.time(7) has it: "*-*-* 02:30", "Sun 04:00", weekly',
  },
  'random-delay': {
    type: 'string',
    default: '0',
    describe: 'At most so long after it, by chance: 30m',
  },
  idle: {
    type: 'boolean',
    default: false,
    describe: 'The idle I/O class: give way to whoever else wants the disks',
  },
  'unit-dir': {
    type: 'string',
    default: '/etc/systemd/system',
    describe: 'Where the units go',
  },
  yes: {
    alias: 'y',
    type: 'boolean',
    default: false,
    describe: 'Overwrite units that fastsync did not write',
  },
} as const satisfies Record<string, Options>;

export type CronArguments = InferredOptionTypes<typeof cronOptions>;
