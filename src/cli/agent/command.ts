/** `fastsync agent`: the far end of a session, which ssh starts; it speaks docs/protocol.md over its standard streams. */

import type { Argv } from 'yargs';
import { exitCodeHelp } from '../exit-codes.js';
import { loaded } from '../loaded.js';
import { agentOptions } from './options.js';

/** Adds the command to the command line. */
export function addAgentCommand(yargs: Argv): Argv {
  return yargs.command(
    'agent',
    'Serve a volume of this host to a run on another host; started by ssh',
    (command) =>
      command
        .options(agentOptions)
        .epilogue(exitCodeHelp('agent'))
        .example(
          'command="$0 agent --only /dev/vg1/data"',
          'In authorized_keys: allow nothing else',
        ),
    async (args) => (await loaded(() => import('./run.js'))).runAgent(args),
  );
}
