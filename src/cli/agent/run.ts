/** What `fastsync agent` does. */

import { fstat as fstatCallback } from 'node:fs';
import { promisify } from 'node:util';
import { serve } from '../../agent/serve.js';
import { duplicateDescriptor } from '../../engine/index.js';
import { asFastsyncError } from '../../failure.js';
import { type Channel, DescriptorChannel, streamChannel } from '../../protocol/index.js';
import { type Override, overrideHelp } from '../../volume/index.js';
import type { AgentArguments } from './options.js';
import { parsePeerTimeout, usage } from '../values.js';

const fstat = promisify(fstatCallback);

/** For what was said last to be taken. */
const endGraceMs = 5000;

/** Throws a usage error for what is no override. */
function allowedOverrides(names: readonly string[]): ReadonlySet<Override> {
  const known = Object.keys(overrideHelp) as Override[];
  return new Set(
    names.map((name) => {
      const found = known.find((one) => one === name);
      if (found === undefined) {
        throw usage(`--allow: expected one of ${known.join(', ')}, got "${name}"`);
      }
      return found;
    }),
  );
}

/** The standard streams. Only pipes and sockets, which ssh gives, can be lent to the engine. */
async function standardChannel(): Promise<Channel> {
  const kinds = await Promise.all([0, 1].map((fd) => fstat(fd)));
  if (!kinds.every((kind) => kind.isFIFO() || kind.isSocket())) {
    return streamChannel({ input: process.stdin, output: process.stdout });
  }
  return new DescriptorChannel(duplicateDescriptor(0), duplicateDescriptor(1));
}

export async function runAgent(args: AgentArguments): Promise<void> {
  try {
    const silenceMs = parsePeerTimeout(args['peer-timeout']);
    if (process.stdin.isTTY) throw usage('fastsync agent is started by ssh, not by hand');
    const { only = null, 'read-only': readOnly } = args;
    const allowed = allowedOverrides(args.allow);
    // Whoever may start it with any volume may do anything here by other means.
    const allow = only === null && allowed.size === 0 ? null : allowed;
    await serve({ channel: await standardChannel(), silenceMs, only, readOnly, allow });
  } catch (error) {
    const { message, exitCode } = asFastsyncError(error);
    // The driver shows it, with this host's name before it.
    process.stderr.write(`error: ${message}\n`);
    process.exitCode = exitCode;
    // Of what was answered some may be waiting for a driver who takes nothing.
    setTimeout(() => process.exit(), endGraceMs).unref();
  }
}
