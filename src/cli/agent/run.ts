/** What `fastsync agent` does. */

import { serve } from '../../agent/serve.js';
import { asFastsyncError } from '../../failure.js';
import type { AgentArguments } from './options.js';
import { parsePeerTimeout, usage } from '../values.js';

/** For what was said last to be taken. */
const endGraceMs = 5000;

export async function runAgent(args: AgentArguments): Promise<void> {
  try {
    const silenceMs = parsePeerTimeout(args['peer-timeout']);
    if (process.stdin.isTTY) throw usage('fastsync agent is started by ssh, not by hand');
    const only = args.only ?? null;
    await serve({ input: process.stdin, output: process.stdout, silenceMs, only });
  } catch (error) {
    const { message, exitCode } = asFastsyncError(error);
    // The driver shows it, with this host's name before it.
    process.stderr.write(`error: ${message}\n`);
    process.exitCode = exitCode;
    // Of what was answered some may be waiting for a driver who takes nothing.
    setTimeout(() => process.exit(), endGraceMs).unref();
  }
}
