/** What `fastsync init` takes. */

import type { InferredOptionTypes, Options } from 'yargs';
import { identificationOptions, outputOptions, overrideOptions, speedOptions } from '../options.js';

const volumeOptions = {
  src: {
    type: 'string',
    demandOption: true,
    group: 'Volumes:',
    describe: 'The volume to copy from: a block device or an image file',
  },
  dst: {
    type: 'string',
    array: true,
    demandOption: true,
    group: 'Volumes:',
    describe: 'Where to; may be given several times, the source is read once',
  },
} as const satisfies Record<string, Options>;

const copyOptions = {
  free: {
    choices: ['skip', 'discard', 'zero'],
    default: 'skip',
    group: 'What is written:',
    describe: "The target's unused ranges: leave them, discard them, or make them read as zeroes",
  },
  compare: {
    type: 'boolean',
    default: false,
    group: 'What is written:',
    describe: 'Read the target first and write only what differs',
  },
  verify: {
    type: 'boolean',
    default: false,
    group: 'What is written:',
    describe: 'Read back what was written, past the cache',
  },
  rescue: {
    type: 'boolean',
    default: false,
    group: 'What is written:',
    describe:
      'Go on after unreadable sectors, retry them smaller, leave zeroes and list them (exit 3)',
  },
  'rescue-map': {
    type: 'string',
    group: 'What is written:',
    describe: 'With --rescue: write what could not be read as a ddrescue mapfile',
  },
} as const satisfies Record<string, Options>;

const onlineOptions = {
  online: {
    type: 'boolean',
    default: false,
    group: 'A source in use:',
    describe: 'The source is mounted and stays so: follow its writes, freeze it for a moment',
  },
  'max-freeze': {
    type: 'string',
    default: '5s',
    group: 'A source in use:',
    describe: 'The longest that its writers may wait; a watchdog sees to it',
  },
  rounds: {
    type: 'number',
    default: 16,
    group: 'A source in use:',
    describe: 'The most rounds over what was written meanwhile',
  },
  cutover: {
    type: 'boolean',
    default: true,
    group: 'A source in use:',
    describe: '--no-cutover: copy all but the last of it, and leave the targets unfinished',
  },
  'before-freeze': {
    type: 'string',
    group: 'A source in use:',
    describe: 'Run this command before the last freeze: flush a database',
  },
  'after-freeze': {
    type: 'string',
    group: 'A source in use:',
    describe: 'Run this command after it, whatever came of it',
  },
  'hook-timeout': {
    type: 'string',
    default: '60s',
    group: 'A source in use:',
    describe: 'How long each of the two may take',
  },
  granularity: {
    type: 'string',
    group: 'A source in use:',
    describe:
      'What one mark of the tracker stands for [default: 4K up to 1 TiB, 64K from 16 TiB on]',
  },
} as const satisfies Record<string, Options>;

const resumeOptions = {
  resume: {
    type: 'boolean',
    default: true,
    group: 'Interrupted runs:',
    describe: 'Go on where an earlier run stopped; --no-resume starts over',
  },
  'checkpoint-interval': {
    type: 'number',
    default: 5000,
    group: 'Interrupted runs:',
    describe: 'Milliseconds between two flushes of the target',
  },
  'state-dir': {
    type: 'string',
    group: 'Interrupted runs:',
    describe: 'Where checkpoints are kept [default: /var/lib/fastsync]',
  },
} as const satisfies Record<string, Options>;

const safetyOptions = {
  'dry-run': {
    type: 'boolean',
    default: false,
    group: 'Safety:',
    describe: 'Print the plan and what would be refused, write nothing',
  },
  dirty: {
    choices: ['refuse', 'copy-all'],
    default: 'refuse',
    group: 'Safety:',
    describe: 'A source whose file system is not at rest: refuse it, or copy every byte of it',
  },
  ...overrideOptions,
} as const satisfies Record<string, Options>;

export const initOptions = {
  ...volumeOptions,
  ...identificationOptions,
  ...copyOptions,
  ...onlineOptions,
  ...speedOptions,
  ...resumeOptions,
  ...safetyOptions,
  ...outputOptions,
} as const satisfies Record<string, Options>;

export type InitArguments = InferredOptionTypes<typeof initOptions>;
export type OnlineArguments = InferredOptionTypes<typeof onlineOptions>;
