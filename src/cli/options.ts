/** Options that several commands share. */

import type { Options } from 'yargs';
import { type MapOptions, parsers } from '../../fsparsers/index.js';
import { openVolume } from '../volume/index.js';
import { usage } from './values.js';

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
    describe: 'Swap space: copy all of it, or only its label and UUID',
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
    ...(as === undefined ? {} : { as }),
    ...(log === undefined ? {} : { externalJournal: (await openVolume(log)).reader }),
  };
}
