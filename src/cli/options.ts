/** Options that several commands share; what they mean is in shared-arguments.ts. */

import type { Options } from 'yargs';
import { type Override, overrideHelp } from '../volume/refusals.js';

export const outputOptions = {
  json: {
    type: 'boolean',
    default: false,
    group: 'Output:',
    describe: 'JSON lines, each with a "type": status, note, error, and at last summary',
  },
  quiet: {
    alias: 'q',
    type: 'boolean',
    default: false,
    group: 'Output:',
    describe: 'Only warnings and errors',
  },
} as const satisfies Record<string, Options>;

/** As fsparsers/ calls them, of which the help of a command needs no more than the names. */
export const families = ['ext', 'xfs', 'ntfs', 'disk'];

export const identificationOptions = {
  as: {
    choices: [...families, 'union'],
    group: 'What the source is:',
    describe: 'Read it as this where its signatures are ambiguous; union: as all of them at once',
  },
  whole: {
    type: 'boolean',
    default: false,
    group: 'What the source is:',
    describe: 'Every byte counts as used, whatever lies there',
  },
  swap: {
    choices: ['whole', 'header'],
    default: 'whole',
    group: 'What the source is:',
    describe:
      'Swap space: copy all of it, or only its label and UUID; with a hibernated system in it, all',
  },
  'cross-check': {
    choices: ['auto', 'owners', 'none'],
    default: 'auto',
    group: 'What the source is:',
    describe: 'Hold free space against who owns blocks; auto: where that costs little',
  },
  'log-device': {
    type: 'string',
    group: 'What the source is:',
    describe: 'Where its journal or log lies, if on another device',
  },
} as const satisfies Record<string, Options>;

export const speedOptions = {
  bwlimit: { type: 'string', group: 'Speed:', describe: 'Bytes per second at most: 50M' },
  backend: {
    choices: ['auto', 'uring', 'threads'],
    default: 'auto',
    group: 'Speed:',
    describe: 'io_uring, a pool of threads, or the first that the kernel allows',
  },
  'queue-depth': { type: 'number', default: 32, group: 'Speed:', describe: 'Requests at once' },
  chunk: { type: 'string', default: '1M', group: 'Speed:', describe: 'Largest request' },
  'in-flight': { type: 'string', default: '64M', group: 'Speed:', describe: 'Buffers at once' },
  'io-timeout': {
    type: 'string',
    group: 'Speed:',
    describe: 'Give up (exit 3) what has not answered for so long: 10m [default: wait, and say so]',
  },
} as const satisfies Record<string, Options>;

export const overrideNames = Object.keys(overrideHelp) as Override[];

/** One option for every refusal: they come from the table of refusals, so none can be forgotten. */
export const overrideOptions = Object.fromEntries(
  overrideNames.map((name) => [
    name,
    { type: 'boolean', default: false, group: 'Safety:', describe: overrideHelp[name] },
  ]),
) as Record<Override, { type: 'boolean'; default: false; group: string; describe: string }>;
