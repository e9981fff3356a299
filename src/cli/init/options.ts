/** What `fastsync init` takes. */

import type { InferredOptionTypes } from 'yargs';
import {
  granularityOption,
  hookOptions,
  identificationOptions,
  maxFreezeOption,
  outputOptions,
  overrideOptions,
  resumeOption,
  speedOptions,
  stateDirOption,
  targetsOption,
  under,
} from '../options.js';
import { remoteOptions } from '../remote-options.js';

const volumeOptions = under('Volumes:', {
  src: {
    type: 'string',
    demandOption: true,
    describe: 'The volume to copy from: a block device or an image file',
  },
  dst: {
    ...targetsOption,
    describe: 'A volume to copy to; repeat it for several targets, the source is read once',
  },
});

const copyOptions = under('What is written:', {
  free: {
    choices: ['skip', 'discard', 'zero'],
    default: 'skip',
    describe: 'Leave the unused ranges of the target alone, discard them, or zero them',
  },
  compare: {
    type: 'boolean',
    default: false,
    describe: 'Read the target first and write only what differs',
  },
  verify: {
    type: 'boolean',
    default: false,
    describe: 'Read back what was written, bypassing the page cache',
  },
  rescue: {
    type: 'boolean',
    default: false,
    describe:
      'Continue past unreadable sectors: retry in smaller requests, zero and list them (exit code 3)',
  },
  'rescue-map': {
    type: 'string',
    describe: 'With --rescue: list the unreadable ranges in this ddrescue mapfile',
  },
});

const onlineOptions = under('A source in use:', {
  online: {
    type: 'boolean',
    default: false,
    describe: 'Copy a mounted source: track its writes, and freeze it briefly for the cutover',
  },
  'max-freeze': maxFreezeOption,
  rounds: {
    type: 'number',
    default: 16,
    describe: 'Most rounds that copy what was written meanwhile',
  },
  cutover: {
    type: 'boolean',
    default: true,
    describe: '--no-cutover: stop before the cutover and leave the targets unfinished',
  },
  ...hookOptions,
  granularity: {
    ...granularityOption,
    describe: `${granularityOption.describe} [default: 4K up to 1 TiB, 64K from 16 TiB]`,
  },
});

const resumeOptions = under('Interrupted runs:', {
  resume: resumeOption,
  'checkpoint-interval': {
    type: 'number',
    default: 5000,
    describe: 'Milliseconds between two flushes of the target',
  },
  'state-dir': stateDirOption,
});

const retryOptions = under('Another host:', {
  'retry-for': {
    type: 'string',
    default: '1h',
    describe: 'Reconnect and resume for so long after the connection was lost; 0: never',
  },
});

const safetyOptions = {
  ...under('Safety:', {
    'dry-run': {
      type: 'boolean',
      default: false,
      describe: 'Print the plan and the refusals, and write nothing',
    },
    dirty: {
      choices: ['refuse', 'copy-all'],
      default: 'refuse',
      describe: 'Refuse a source whose file system is not clean, or copy every byte of it',
    },
  }),
  ...overrideOptions,
};

export const initOptions = {
  ...volumeOptions,
  ...identificationOptions,
  ...copyOptions,
  ...onlineOptions,
  ...speedOptions,
  ...resumeOptions,
  ...remoteOptions,
  ...retryOptions,
  ...safetyOptions,
  ...outputOptions,
};

export type InitArguments = InferredOptionTypes<typeof initOptions>;
export type OnlineArguments = InferredOptionTypes<typeof onlineOptions>;
