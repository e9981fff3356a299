/** What `fastverify` takes. */

import type { InferredOptionTypes, Options } from 'yargs';
import { defaultConfigPath } from '../../config/types.js';
import { manifestOptions } from './manifest-options.js';
import { identificationOptions, outputOptions, overrideOptions, speedOptions } from '../options.js';
import { remoteOptions } from './remote-options.js';

const volumeOptions = {
  src: {
    type: 'string',
    group: 'Volumes:',
    describe: 'The volume that is right: a block device or an image file',
  },
  dst: {
    type: 'string',
    group: 'Volumes:',
    describe: 'Its replica',
  },
} as const satisfies Record<string, Options>;

const pairsOptions = {
  config: {
    type: 'string',
    group: 'Pairs of a configuration:',
    describe: `The file that names the pairs [default: ${defaultConfigPath}]`,
  },
  all: {
    type: 'boolean',
    default: false,
    group: 'Pairs of a configuration:',
    describe: 'Check every pair, one after the other; say nothing if all is well',
  },
} as const satisfies Record<string, Options>;

const scopeOptions = {
  free: {
    choices: ['ignore', 'verify'],
    default: 'ignore',
    group: 'What is compared:',
    describe: "The source's unused ranges: leave them out, or compare them too",
  },
  start: {
    type: 'string',
    group: 'What is compared:',
    describe: 'From this byte of the volume: 10G',
  },
  stop: {
    type: 'string',
    group: 'What is compared:',
    describe: 'Up to this byte, itself not included',
  },
} as const satisfies Record<string, Options>;

const resultOptions = {
  repair: {
    type: 'boolean',
    default: false,
    group: 'What becomes of differences:',
    describe: 'Copy the ranges that differ from the source, and compare them again',
  },
  'ddrescue-map': {
    type: 'string',
    group: 'What becomes of differences:',
    describe: 'Write a ddrescue mapfile: + equal, - different, * not proven, ? not compared',
  },
} as const satisfies Record<string, Options>;

const inUseOptions = {
  online: {
    type: 'boolean',
    default: false,
    group: 'Volumes in use:',
    describe:
      'The source is mounted: follow the writes of both sides, and prove again what they touch',
  },
  settle: {
    type: 'string',
    default: '15s',
    group: 'Volumes in use:',
    describe: 'How long a replica may take to follow before a difference is one',
  },
  'max-freeze': {
    type: 'string',
    default: '5s',
    group: 'Volumes in use:',
    describe: 'The longest that writers may wait while the map is read; a watchdog sees to it',
  },
} as const satisfies Record<string, Options>;

const timeOptions = {
  'max-time': {
    type: 'string',
    group: 'Long runs:',
    describe: 'Stop in good order after so long (90m, 2h), and go on there next time',
  },
  resume: {
    type: 'boolean',
    default: true,
    group: 'Long runs:',
    describe: 'Go on where an earlier run stopped; --no-resume starts over',
  },
  'state-dir': {
    type: 'string',
    group: 'Long runs:',
    describe: 'Where the age of every proof is kept [default: /var/lib/fastsync]',
  },
} as const satisfies Record<string, Options>;

export const verifyOptions = {
  ...volumeOptions,
  ...pairsOptions,
  ...scopeOptions,
  ...identificationOptions,
  ...resultOptions,
  ...manifestOptions,
  ...inUseOptions,
  ...timeOptions,
  ...remoteOptions,
  ...speedOptions,
  ...overrideOptions,
  ...outputOptions,
} as const satisfies Record<string, Options>;

export type VerifyArguments = InferredOptionTypes<typeof verifyOptions> & {
  readonly pairs?: readonly string[] | undefined;
};
