/** What `fastsync live` takes. */

import type { InferredOptionTypes } from 'yargs';
import {
  hookOptions,
  identificationOptions,
  maxFreezeOption,
  outputOptions,
  overrideOptions,
  speedOptions,
  stateDirOption,
  targetsOption,
  under,
} from '../options.js';

const volumeOptions = under('Volumes:', {
  src: {
    type: 'string',
    describe: 'The volume to replicate: a block device, usually mounted',
  },
  dst: {
    ...targetsOption,
    describe: 'A replica; repeat it for several replicas, each advances at its own pace',
  },
});

const replicationOptions = under('Replication:', {
  interval: {
    type: 'string',
    default: '5s',
    describe: 'Time between two epochs; an idle source starts none',
  },
  'max-freeze': maxFreezeOption,
  journal: {
    type: 'string',
    describe: 'The directory that epochs are staged in [default: live/ in the state directory]',
  },
  'after-epoch': {
    type: 'string',
    describe:
      'Run this shell command after each epoch; the replica is not written to until it exits',
  },
  ...hookOptions,
  recover: {
    type: 'boolean',
    default: false,
    describe: 'Only finish applying the journal of an interrupted run to --dst, without the source',
  },
  'state-dir': stateDirOption,
});

/** A replica of a part of the source is none. */
const { 'allow-small-target': _, ...safetyOptions } = overrideOptions;

export const liveOptions = {
  ...volumeOptions,
  ...replicationOptions,
  ...identificationOptions,
  ...speedOptions,
  ...safetyOptions,
  ...outputOptions,
};

export type LiveArguments = InferredOptionTypes<typeof liveOptions>;
