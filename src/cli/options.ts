/** Options that several commands share. */

import type { Options } from 'yargs';
import { parsers } from '../../fsparsers/index.js';

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
    choices: Object.keys(parsers),
    group: 'What the source is:',
    describe: 'Read it as this, where its signatures are ambiguous or damaged',
  },
  whole: {
    type: 'boolean',
    default: false,
    conflicts: 'as',
    group: 'What the source is:',
    describe: 'Every byte counts as used, whatever lies there',
  },
} as const satisfies Record<string, Options>;

/** The two options above as mapVolume() takes them. */
export function identification(args: {
  readonly as?: string | undefined;
  readonly whole: boolean;
}): {
  as?: string;
} {
  if (args.whole) return { as: 'whole' };
  return args.as === undefined ? {} : { as: args.as };
}
