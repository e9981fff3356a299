/** What `fastverify` takes. */

import type { InferredOptionTypes } from 'yargs';
import { defaultConfigPath } from '../../config/types.js';
import {
  identificationOptions,
  maxFreezeOption,
  outputOptions,
  overrideOptions,
  resumeOption,
  speedOptions,
  stateDirOption,
  under,
} from '../options.js';
import { manifestOptions } from './manifest-options.js';
import { remoteOptions } from '../remote-options.js';

const volumeOptions = under('Volumes:', {
  src: {
    type: 'string',
    describe: 'The source: a block device or an image file',
  },
  dst: {
    type: 'string',
    describe: 'The replica, on this host or another: /PATH, HOST:/PATH',
  },
});

const pairsOptions = under('Configured pairs:', {
  config: {
    type: 'string',
    describe: `The configuration file that names the pairs [default: ${defaultConfigPath}]`,
  },
  all: {
    type: 'boolean',
    default: false,
    describe: 'Check every pair in turn; print nothing if all is well',
  },
});

const scopeOptions = under('What is compared:', {
  free: {
    choices: ['ignore', 'verify'],
    default: 'ignore',
    describe: 'Ignore the unused ranges of the source, or compare them too',
  },
  start: {
    type: 'string',
    describe: 'Start at this byte of the volume: 10G',
  },
  stop: {
    type: 'string',
    describe: 'Stop before this byte',
  },
});

const resultOptions = under('Differences:', {
  repair: {
    type: 'boolean',
    default: false,
    describe: 'Copy the ranges that differ from the source, and compare them again',
  },
  'ddrescue-map': {
    type: 'string',
    describe: 'Write a ddrescue mapfile: + equal, - different, * not proven, ? not compared',
  },
});

const inUseOptions = under('Volumes in use:', {
  online: {
    type: 'boolean',
    default: false,
    describe: 'Verify a mounted source: track the writes of both sides, and compare them again',
  },
  'lag-tolerance': {
    type: 'string',
    default: '15s',
    describe: 'How far the replica may lag behind before a difference counts',
  },
  'max-freeze': maxFreezeOption,
});

const timeOptions = under('Long runs:', {
  'max-time': {
    type: 'string',
    describe: 'Stop cleanly after so long (90m, 2h); the next run resumes there',
  },
  resume: resumeOption,
  'state-dir': stateDirOption,
});

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
};

export type VerifyArguments = InferredOptionTypes<typeof verifyOptions> & {
  readonly pairs?: readonly string[] | undefined;
};
