/** What `fastsync status` takes. */

import type { InferredOptionTypes, Options } from 'yargs';
import { stateDirOption } from '../options.js';

export const statusOptions = {
  watch: { type: 'boolean', default: false, describe: 'Refresh every second until Ctrl-C' },
  json: {
    type: 'boolean',
    default: false,
    describe: 'Print one JSON object per line that lists all replications',
  },
  'state-dir': stateDirOption,
} as const satisfies Record<string, Options>;

export type StatusArguments = InferredOptionTypes<typeof statusOptions>;
