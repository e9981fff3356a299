/** Options that several commands share; what they mean is in shared-arguments.ts. */

import type { Options } from 'yargs';
import { defaultConfigPath } from '../config/types.js';
import { type Override, overrideHelp } from '../volume/refusals.js';

type Table = Readonly<Record<string, Options>>;

/** A table of options under one heading of the help. */
export function under<const Entries extends Table>(
  group: string,
  entries: Entries,
): { readonly [Name in keyof Entries]: Entries[Name] & { readonly group: string } } {
  const grouped = Object.entries(entries).map(([name, option]) => [name, { ...option, group }]);
  return Object.fromEntries(grouped) as never;
}

export const outputOptions = under('Output:', {
  json: {
    type: 'boolean',
    default: false,
    describe: 'Print JSON lines, each with a "type": status, note, error; the last one is summary',
  },
  quiet: {
    alias: 'q',
    type: 'boolean',
    default: false,
    describe: 'Print only warnings and errors',
  },
});

/** The families that fsparsers/ has a parser for: help and completion need no more than their names. */
export const families = ['ext', 'xfs', 'ntfs', 'disk'];

export const identificationOptions = under('What the source is:', {
  as: {
    choices: [...families, 'union'],
    describe: 'Read it as this if its signatures are ambiguous; union: as all of them at once',
  },
  whole: {
    type: 'boolean',
    default: false,
    describe: 'Treat every byte as used, whatever the volume holds',
  },
  swap: {
    choices: ['whole', 'header'],
    default: 'whole',
    describe:
      'Copy all of a swap space, or only its label and UUID; a hibernated system is copied whole',
  },
  'cross-check': {
    choices: ['auto', 'owners', 'none'],
    default: 'auto',
    describe: 'Check free space against the owners of blocks; auto: only where that is cheap',
  },
  'log-device': {
    type: 'string',
    describe: 'The device that holds its journal or log, if that is external',
  },
});

export const speedOptions = under('Speed:', {
  bwlimit: { type: 'string', describe: 'Limit the rate to so many bytes per second: 50M' },
  backend: {
    choices: ['auto', 'uring', 'threads'],
    default: 'auto',
    describe: 'Use io_uring, a thread pool, or the first of them that the kernel allows',
  },
  'queue-depth': { type: 'number', default: 32, describe: 'Most requests in flight' },
  chunk: { type: 'string', default: '1M', describe: 'Size of the largest request' },
  'in-flight': { type: 'string', default: '64M', describe: 'Most bytes in flight' },
  'io-timeout': {
    type: 'string',
    describe:
      'Give up a volume (exit code 3) that has not answered for so long: 10m [default: wait]',
  },
});

/** Every copy of a source: it is read once for all of them. */
export const targetsOption = {
  type: 'string',
  array: true,
  demandOption: true,
} as const satisfies Options;

export const maxFreezeOption = {
  type: 'string',
  default: '5s',
  describe: 'Thaw the source after so long at the latest; a watchdog enforces it',
} as const satisfies Options;

export const granularityOption = {
  type: 'string',
  describe: 'Bytes per bit of the dirty bitmap: a power of two from 4K to 1G',
} as const satisfies Options;

/** Around a freeze. */
export const hookOptions = {
  'before-freeze': {
    type: 'string',
    describe: 'Run this shell command before the freeze, to flush a database for example',
  },
  'after-freeze': {
    type: 'string',
    describe: 'Run this shell command after the freeze, whether it succeeded or not',
  },
  'hook-timeout': {
    type: 'string',
    default: '60s',
    describe: 'Kill a command that runs longer than this',
  },
} as const satisfies Record<string, Options>;

export const peerTimeoutOption = {
  type: 'string',
  default: '30s',
  describe: 'Treat the other host as dead after so long without a sign of life',
} as const satisfies Options;

export const resumeOption = {
  type: 'boolean',
  default: true,
  describe: '--no-resume: start over instead of resuming an interrupted run',
} as const satisfies Options;

export const stateDirOption = {
  type: 'string',
  describe: 'The state directory [default: /var/lib/fastsync]',
} as const satisfies Options;

export const configOption = {
  type: 'string',
  default: defaultConfigPath,
  describe: 'The configuration file',
} as const satisfies Options;

export const overrideNames = Object.keys(overrideHelp) as Override[];

/** One option for every refusal: they come from the table of refusals, so none can be forgotten. */
export const overrideOptions = Object.fromEntries(
  overrideNames.map((name) => [
    name,
    { type: 'boolean', default: false, group: 'Safety:', describe: overrideHelp[name] },
  ]),
) as Record<Override, { type: 'boolean'; default: false; group: string; describe: string }>;
