/** Options for a replica on another host. */

import { peerTimeoutOption, under } from './options.js';

export const remoteOptions = under('Another host:', {
  ssh: {
    type: 'string',
    default: 'ssh',
    describe: 'The ssh program and its options: "ssh -F FILE"',
  },
  'remote-command': {
    type: 'string',
    default: 'fastsync',
    describe: 'The command that starts fastsync there: "sudo -n fastsync"',
  },
  'peer-timeout': peerTimeoutOption,
});
