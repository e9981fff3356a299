/** What `fastsync agent` takes. */

import type { InferredOptionTypes, Options } from 'yargs';

export const agentOptions = {
  only: {
    type: 'string',
    describe: 'The one volume that may be opened: for command="…" in authorized_keys',
  },
  'peer-timeout': {
    type: 'string',
    default: '30s',
    describe: 'After so long without a sign of life the other host counts as dead',
  },
} as const satisfies Record<string, Options>;

export type AgentArguments = InferredOptionTypes<typeof agentOptions>;
