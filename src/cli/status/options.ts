/** What `fastsync status` takes. */

import type { InferredOptionTypes, Options } from 'yargs';

export const statusOptions = {
  watch: { type: 'boolean', default: false, describe: 'Show it again every second, until Ctrl-C' },
  json: {
    type: 'boolean',
    default: false,
    describe: 'One JSON object a line, with all replications',
  },
  'state-dir': {
    type: 'string',
    describe: 'The state directory of the replications [default: /var/lib/fastsync]',
  },
} as const satisfies Record<string, Options>;

export type StatusArguments = InferredOptionTypes<typeof statusOptions>;
