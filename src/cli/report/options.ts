/** What `fastsync report` takes. */

import type { InferredOptionTypes, Options } from 'yargs';
import { defaultConfigPath } from '../../config/types.js';

export const reportOptions = {
  html: {
    type: 'string',
    nargs: 1,
    describe: 'Write one self-contained HTML page to this file; - writes it to stdout',
  },
  config: {
    type: 'string',
    default: defaultConfigPath,
    describe: 'The configuration that names the pair',
  },
} as const satisfies Record<string, Options>;

export type ReportArguments = { readonly pair: string } & InferredOptionTypes<typeof reportOptions>;
