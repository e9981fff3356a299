/** Options of commands whose target may be on another host. */

import type { Options } from 'yargs';

export const remoteOptions = {
  ssh: {
    type: 'string',
    default: 'ssh',
    group: 'Another host:',
    describe: 'The ssh program and its options, as words: "ssh -F FILE"',
  },
  'remote-command': {
    type: 'string',
    default: 'fastsync',
    group: 'Another host:',
    describe: 'How fastsync is started there: "sudo -n fastsync"',
  },
  'peer-timeout': {
    type: 'string',
    default: '30s',
    group: 'Another host:',
    describe: 'After so long without a sign of life the other host counts as dead',
  },
} as const satisfies Record<string, Options>;
