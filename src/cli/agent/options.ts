/** What `fastsync agent` takes. */

import type { InferredOptionTypes, Options } from 'yargs';
import { peerTimeoutOption } from '../options.js';

export const agentOptions = {
  only: {
    type: 'string',
    describe: 'Serve this volume and no other: for command="…" in authorized_keys',
  },
  'peer-timeout': peerTimeoutOption,
} as const satisfies Record<string, Options>;

export type AgentArguments = InferredOptionTypes<typeof agentOptions>;
