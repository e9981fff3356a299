/** A volume of another host, by way of the agent there. */

import { randomBytes } from 'node:crypto';
import type { Readable, Writable } from 'node:stream';
import type { ByteReader } from '../../../fsparsers/reader.js';
import type { DigestRequest, DigestResult, EndpointDescription, Job } from '../../engine/index.js';
import { exitCodes, FastsyncError } from '../../errors.js';
import { Link } from '../../protocol/index.js';
import { Calls } from '../../protocol/calls.js';
import { mostReadBytes } from '../../protocol/messages.js';
import type { VolumeIdentity } from '../identity.js';
import type { Volume, WriteCounter } from '../volume.js';
import type { RemoteAddress } from './address.js';
import { remoteDigests } from './remote-digests.js';
import { explained, type RemoteShell, startAgent } from './ssh.js';

export interface RemoteOptions {
  readonly shell: RemoteShell;
  /** After so long without a sign of life the other host counts as dead. */
  readonly silenceMs: number;
  /** Hears what the other host prints to standard error, and what its shell prints before the agent starts. */
  readonly onLine: (line: string) => void;
}

/** What the owner of a remote volume says of it beside what every volume has. */
export interface RemoteVolume extends Volume {
  /** Names the kernel that the other host runs now: equal to ours, it is this host. */
  readonly bootId: string;
  readonly fingerprint: string;
}

/**
 * Opens a volume of another host for reading. Rejects as the agent's openVolume() does, with exit code 6
 * where the host, the link or the agent is at fault, and as `signal` says.
 */
export async function openRemoteVolume(
  address: RemoteAddress,
  { shell, silenceMs, onLine }: RemoteOptions,
  signal: AbortSignal,
): Promise<RemoteVolume> {
  signal.throwIfAborted();
  const peer = address.destination;
  const started = startAgent(address, shell, onLine);
  const { stdin, stdout } = started.process;
  const calls = connect(peer, stdin, stdout, silenceMs);
  const end = async () => {
    calls.link.close();
    await started.end();
  };
  const stop = () => {
    calls.link.close();
  };
  signal.addEventListener('abort', stop);
  try {
    return await open(calls, address, end, onLine);
  } catch (error) {
    await end();
    signal.throwIfAborted();
    throw await explained(peer, started, error);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

function connect(peer: string, output: Writable, input: Readable, silenceMs: number): Calls {
  return new Calls(
    (mostAttachedBytes) => new Link({ input, output, peer, silenceMs, mostAttachedBytes }),
  );
}

async function open(
  calls: Calls,
  { text, destination, path }: RemoteAddress,
  end: () => Promise<void>,
  onLine: (line: string) => void,
): Promise<RemoteVolume> {
  const seed = randomBytes(8).toString('hex');
  const greeted = calls.call({ type: 'hello', body: { seed } });
  // The request for it went without: everything behind it carries the session's own checksums.
  calls.link.sendWithSeed(BigInt(`0x${seed}`));
  calls.link.expectSeed(BigInt(`0x${seed}`));
  const { reply: hello } = await greeted;
  if (calls.link.greeting !== '') onLine(`printed before fastsync: ${calls.link.greeting}`);
  const { reply } = await calls.call({ type: 'open', body: { path } });
  const { identity, fingerprint } = reply;
  return new AgentVolume(calls, end, hello.host, fingerprint, {
    ...identity,
    path: text,
    realPath: `${destination}:${identity.realPath}`,
    node: `remote:${hello.host}:${identity.node}`,
    stableId: `${destination}:${identity.stableId}`,
  });
}

class AgentVolume implements RemoteVolume {
  readonly identity: VolumeIdentity;
  readonly reader: ByteReader;
  readonly bootId: string;
  readonly fingerprint: string;
  readonly #calls: Calls;
  readonly #end: () => Promise<void>;

  constructor(
    calls: Calls,
    end: () => Promise<void>,
    bootId: string,
    fingerprint: string,
    identity: VolumeIdentity,
  ) {
    this.#calls = calls;
    this.#end = end;
    this.bootId = bootId;
    this.fingerprint = fingerprint;
    this.identity = identity;
    this.reader = {
      sizeBytes: identity.sizeBytes,
      read: (offsetBytes, lengthBytes) => this.#read(offsetBytes, lengthBytes),
    };
  }

  get directReader(): ByteReader {
    return this.reader;
  }

  get endpoint(): EndpointDescription {
    throw this.#readOnly();
  }

  writeDurably(): Promise<void> {
    return Promise.reject(this.#readOnly());
  }

  sync(): Promise<void> {
    return Promise.reject(this.#readOnly());
  }

  async writeCounter(): Promise<WriteCounter> {
    // A connection that was lost ends the run by its digests; here it only means that nothing is known.
    const answer = await this.#calls.call({ type: 'writeCounter', body: {} }).catch(() => null);
    if (answer === null) return { value: null, isFresh: false };
    const { counterText, isFresh } = answer.reply;
    return { value: counterText, isFresh };
  }

  nextData(): Promise<number | null> {
    return Promise.reject(this.#readOnly());
  }

  isInPlace(): Promise<boolean> {
    return Promise.reject(this.#readOnly());
  }

  digestCells(request: Omit<DigestRequest, 'source'>): Job<DigestResult> {
    return remoteDigests(this.#calls, this.identity, request);
  }

  async close(): Promise<void> {
    await this.#end();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #read(offsetBytes: number, lengthBytes: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(lengthBytes);
    for (let done = 0; done < lengthBytes; done += mostReadBytes) {
      const wanted = Math.min(mostReadBytes, lengthBytes - done);
      const body = { offsetBytes: offsetBytes + done, lengthBytes: wanted };
      const { attachment } = await this.#calls.call({
        type: 'read',
        body,
        mostReplyBytes: wanted,
      });
      if (attachment.length !== wanted) throw this.#short(body.offsetBytes);
      bytes.set(attachment, done);
    }
    return bytes;
  }

  #short(offsetBytes: number): FastsyncError {
    return new FastsyncError({
      code: 'PROTOCOL_BROKEN',
      exitCode: exitCodes.remote,
      message: `${this.#calls.link.peer} gave other bytes than it was asked for, at ${offsetBytes}`,
    });
  }

  #readOnly(): FastsyncError {
    return new FastsyncError({
      code: 'REMOTE_READ_ONLY',
      exitCode: exitCodes.usage,
      message: `${this.identity.path} is on another host, where fastsync only verifies`,
      remedy: 'use a volume of this host, or run the command over there',
    });
  }
}
