/** What `fastsync live` takes. */

import type { InferredOptionTypes, Options } from 'yargs';
import { identificationOptions, outputOptions, overrideOptions, speedOptions } from '../options.js';

const volumeOptions = {
  src: {
    type: 'string',
    group: 'Volumes:',
    describe: 'The volume to follow: a block device, as a rule mounted',
  },
  dst: {
    type: 'string',
    array: true,
    demandOption: true,
    group: 'Volumes:',
    describe: 'What follows it; may be given several times, each goes at its own pace',
  },
} as const satisfies Record<string, Options>;

const followOptions = {
  interval: {
    type: 'string',
    default: '5s',
    group: 'Following:',
    describe: 'Time between two epochs; while nothing is written there are none',
  },
  'max-freeze': {
    type: 'string',
    default: '5s',
    group: 'Following:',
    describe: 'The longest that writers may have to wait',
  },
  journal: {
    type: 'string',
    group: 'Following:',
    describe: 'Where epochs are staged, not on the source [default: live/ in the state directory]',
  },
  'after-epoch': {
    type: 'string',
    group: 'Following:',
    describe:
      'A shell command to run when an epoch is on a target, which then is written no further',
  },
  'before-freeze': {
    type: 'string',
    group: 'Following:',
    describe: 'Run this command before each freeze: flush a database',
  },
  'after-freeze': {
    type: 'string',
    group: 'Following:',
    describe: 'Run this command after it, whatever became of it',
  },
  'hook-timeout': {
    type: 'string',
    default: '60s',
    group: 'Following:',
    describe: 'How long each of these three may take',
  },
  recover: {
    type: 'boolean',
    default: false,
    group: 'Following:',
    describe:
      'Only finish, without the source, what an interrupted run had begun to write to --dst',
  },
  'state-dir': {
    type: 'string',
    group: 'Following:',
    describe: 'Where its state is kept [default: /var/lib/fastsync]',
  },
} as const satisfies Record<string, Options>;

/** A replica of a part of the source is none. */
const { 'allow-small-target': _, ...safetyOptions } = overrideOptions;

export const liveOptions = {
  ...volumeOptions,
  ...followOptions,
  ...identificationOptions,
  ...speedOptions,
  ...safetyOptions,
  ...outputOptions,
} as const satisfies Record<string, Options>;

export type LiveArguments = InferredOptionTypes<typeof liveOptions>;
