/** What `fastsync config` takes. */

import type { InferredOptionTypes, Options } from 'yargs';
import { defaultConfigPath } from '../../config/types.js';

export const configOptions = {
  config: {
    type: 'string',
    default: defaultConfigPath,
    describe: 'The configuration file',
  },
} as const satisfies Record<string, Options>;

export type ConfigArguments = InferredOptionTypes<typeof configOptions>;
