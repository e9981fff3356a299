/** What `fastsync report` takes. */

import type { InferredOptionTypes, Options } from 'yargs';
import { configOption } from '../options.js';

export const reportOptions = {
  html: {
    type: 'string',
    nargs: 1,
    describe: 'Write a self-contained HTML page to this file; - writes it to stdout',
  },
  config: configOption,
} as const satisfies Record<string, Options>;

export type ReportArguments = { readonly pair: string } & InferredOptionTypes<typeof reportOptions>;
