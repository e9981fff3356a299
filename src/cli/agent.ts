/** `fastsync agent`: the far end of a session, which ssh starts; it speaks docs/protocol.md over its standard streams. */

import type { Argv, InferredOptionTypes, Options } from 'yargs';
import { asFastsyncError } from '../failure.js';
import { parsePeerTimeout, usage } from './values.js';

const agentOptions = {
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

type AgentArguments = InferredOptionTypes<typeof agentOptions>;

export function addAgentCommand(yargs: Argv): Argv {
  return yargs.command(
    'agent',
    'Serve a volume of this host to a run on another one: ssh starts it',
    (command) =>
      command
        .options(agentOptions)
        .example('command="$0 agent --only /dev/vg1/data"', 'In authorized_keys: nothing else'),
    (args) => runAgent(args),
  );
}

async function runAgent(args: AgentArguments): Promise<void> {
  try {
    const silenceMs = parsePeerTimeout(args['peer-timeout']);
    if (process.stdin.isTTY) throw usage('fastsync agent is started by ssh, not by hand');
    const { serve } = await import('../agent/serve.js');
    const only = args.only ?? null;
    await serve({ input: process.stdin, output: process.stdout, silenceMs, only });
  } catch (error) {
    const { message, exitCode } = asFastsyncError(error);
    // The driver shows it, with this host's name before it.
    process.stderr.write(`error: ${message}\n`);
    process.exitCode = exitCode;
  }
}
