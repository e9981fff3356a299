/** What `fastsync completion` takes. */

import type { InferredOptionTypes, Options } from 'yargs';
import { defaultConfigPath } from '../../config/types.js';

/** "pairs" is for the scripts: the names that the configuration has, one a line. */
export const shells = ['bash', 'zsh', 'pairs'] as const;

export const completionOptions = {
  config: {
    type: 'string',
    default: defaultConfigPath,
    describe: 'For pairs: the configuration',
  },
} as const satisfies Record<string, Options>;

export type CompletionArguments = {
  readonly shell: (typeof shells)[number];
} & InferredOptionTypes<typeof completionOptions>;
