/** What `fastsync completion` takes. */

import type { InferredOptionTypes } from 'yargs';
import { configOption } from '../options.js';

/** "pairs" is for the scripts: the names of the configured pairs, one per line. */
export const shells = ['bash', 'zsh', 'pairs'] as const;

export const completionOptions = { config: configOption };

export type CompletionArguments = {
  readonly shell: (typeof shells)[number];
} & InferredOptionTypes<typeof completionOptions>;
