/** What `fastsync agent` takes. */

import type { InferredOptionTypes, Options } from 'yargs';
import { peerTimeoutOption } from '../options.js';

export const agentOptions = {
  only: {
    type: 'string',
    describe: 'Serve this volume and no other: for command="…" in authorized_keys',
  },
  'read-only': {
    type: 'boolean',
    default: false,
    describe: 'Open volumes for reading only: they can be verified, and never written',
  },
  allow: {
    type: 'string',
    array: true,
    default: [] as string[],
    describe: 'With --only: an override that a run may use here: yes, allow-small-target, …',
  },
  'peer-timeout': peerTimeoutOption,
} as const satisfies Record<string, Options>;

export type AgentArguments = InferredOptionTypes<typeof agentOptions>;
