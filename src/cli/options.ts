/** Options that several commands share. */

import type { Options } from 'yargs';
import { type MapOptions, parsers } from '../../fsparsers/index.js';
import { checkIoOptions, type IoOptions } from '../engine/index.js';
import { openVolume, type Override, overrideHelp } from '../volume/index.js';
import { checkCount, parseSize, usage } from './values.js';

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

export const identificationOptions = {
  as: {
    choices: [...Object.keys(parsers), 'union'],
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

interface IdentificationArguments {
  readonly as?: string | undefined;
  readonly whole: boolean;
  readonly swap: 'whole' | 'header';
  readonly 'cross-check': 'auto' | 'owners' | 'none';
  readonly 'log-device'?: string | undefined;
}

/** The options above as mapVolume() takes them. The log device stays open until the command ends. */
export async function identification(args: IdentificationArguments): Promise<MapOptions> {
  if (args.whole && args.as !== undefined) {
    throw usage('--whole and --as contradict each other: name one of them');
  }
  const as = args.whole ? 'whole' : args.as;
  const log = args['log-device'];
  return {
    swap: args.swap,
    crossCheck: args['cross-check'],
    ...(as === undefined ? {} : { as }),
    ...(log === undefined ? {} : { externalJournal: (await openVolume(log)).reader }),
  };
}

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

interface SpeedArguments {
  readonly backend: 'auto' | 'uring' | 'threads';
  readonly 'queue-depth': number;
  readonly chunk: string;
  readonly 'in-flight': string;
  readonly bwlimit?: string | undefined;
}

/** How hard to work. Looked at in full here: behind the first write it would be too late. */
export function ioOptionsFrom(args: SpeedArguments): IoOptions {
  const ioOptions = {
    backend: args.backend,
    queueDepth: checkCount('queue-depth', args['queue-depth'], 1, 1024),
    chunkBytes: parseSize('chunk', args.chunk),
    inFlightBytes: parseSize('in-flight', args['in-flight']),
    bytesPerSecond: args.bwlimit === undefined ? 0 : parseSize('bwlimit', args.bwlimit),
  };
  try {
    checkIoOptions(ioOptions);
  } catch (error) {
    if (error instanceof RangeError) throw usage(error.message);
    throw error;
  }
  return ioOptions;
}

const overrideNames = Object.keys(overrideHelp) as Override[];

/** One option for every refusal: they come from the table of refusals, so none can be forgotten. */
export const overrideOptions = Object.fromEntries(
  overrideNames.map((name) => [
    name,
    { type: 'boolean', default: false, group: 'Safety:', describe: overrideHelp[name] },
  ]),
) as Record<Override, { type: 'boolean'; default: false; group: string; describe: string }>;

/** The refusals that the user has overridden. */
export function overridesFrom(
  args: Readonly<Partial<Record<Override, boolean>>>,
): ReadonlySet<Override> {
  return new Set(overrideNames.filter((name) => args[name]));
}
