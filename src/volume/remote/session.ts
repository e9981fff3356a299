/** A session with the agent of another host: starts ssh, exchanges the greeting, ends both. */

import { randomBytes } from 'node:crypto';
import { closeSync } from 'node:fs';
import { socketPair } from '../../engine/index.js';
import { DescriptorChannel, Link } from '../../protocol/index.js';
import { Calls } from '../../protocol/calls.js';
import type { RemoteAddress } from './address.js';
import { explained, type RemoteShell, startAgent } from './ssh.js';

export interface RemoteOptions {
  readonly shell: RemoteShell;
  /** The other host counts as dead after so long without a frame. */
  readonly silenceMs: number;
  /** Receives the other host's standard error, and what its shell prints before the agent starts. */
  readonly onLine: (line: string) => void;
}

export interface AgentSession extends AsyncDisposable {
  readonly address: RemoteAddress;
  readonly calls: Calls;
  /** Identifies the running kernel of the other host. If it equals ours, it is this host. */
  readonly bootId: string;
  /** Runs requests to the agent. If the session ends meanwhile, the error includes what ssh reported. */
  explain<T>(asking: () => Promise<T>): Promise<T>;
  /** Ends the session, and waits for ssh to end. */
  end(): Promise<void>;
}

/**
 * Starts the agent. Rejects with exit code 6 if the host, the link or the agent fails, and with the reason
 * of `signal`, which applies until the agent has replied.
 */
export async function openSession(
  address: RemoteAddress,
  { shell, silenceMs, onLine }: RemoteOptions,
  signal: AbortSignal,
): Promise<AgentSession> {
  signal.throwIfAborted();
  // Two: whoever stands between, a wrapper of ssh, may make one of them unable to wait.
  const [output, theirInput] = socketPair();
  const [input, theirOutput] = socketPair();
  const started = startAgent(address, shell, [theirInput, theirOutput], onLine);
  closeSync(theirInput);
  closeSync(theirOutput);
  const peer = address.destination;
  const channel = new DescriptorChannel(input, output);
  const calls = new Calls(
    (mostAttachedBytes) => new Link({ channel, peer, silenceMs, mostAttachedBytes }),
  );
  const end = async () => {
    calls.link.close();
    await started.end();
  };
  const explain = async <T>(asking: () => Promise<T>): Promise<T> => {
    try {
      return await asking();
    } catch (error) {
      if (!calls.link.ended.aborted) throw error;
      await end();
      throw await explained(peer, started, error);
    }
  };
  const stop = () => {
    calls.link.close();
  };
  signal.addEventListener('abort', stop);
  try {
    const bootId = await explain(() => greet(calls));
    if (calls.link.greeting !== '') onLine(`printed before fastsync: ${calls.link.greeting}`);
    return { address, calls, bootId, explain, end, [Symbol.asyncDispose]: end };
  } catch (error) {
    await end();
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

async function greet(calls: Calls): Promise<string> {
  const seed = randomBytes(8).toString('hex');
  const greeted = calls.call({ type: 'hello', body: { seed } });
  // Hello itself was sent without the seed; all later frames use it.
  calls.link.sendWithSeed(BigInt(`0x${seed}`));
  calls.link.expectSeed(BigInt(`0x${seed}`));
  const { reply } = await greeted;
  return reply.host;
}
