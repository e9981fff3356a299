/** A volume of another host, accessed through its agent. */

import type { ByteReader } from '../../../fsparsers/reader.js';
import {
  type DigestRequest,
  type DigestResult,
  type EndpointDescription,
  EngineError,
  type IoFailure,
  type Job,
} from '../../engine/index.js';
import { exitCodes, FastsyncError } from '../../errors.js';
import { mostReadBytes } from '../../protocol/messages.js';
import type { VolumeIdentity } from '../identity.js';
import type { Volume, WriteCounter } from '../volume.js';
import type { RemoteAddress } from './address.js';
import { remoteDigests } from './remote-digests.js';
import { type AgentSession, openSession, type RemoteOptions } from './session.js';

/** Facts about a remote volume in addition to those of every volume. */
export interface RemoteVolume extends Volume {
  /** Identifies the running kernel of the other host. If it equals ours, it is this host. */
  readonly bootId: string;
  readonly fingerprint: string;
  /** It ends with the volume. */
  readonly session: AgentSession;
}

/**
 * Opens a volume of another host for reading. Rejects as the agent's openVolume() does, with exit code 6
 * if the host, the link or the agent fails, and with the reason of `signal`.
 */
export async function openRemoteVolume(
  address: RemoteAddress,
  options: RemoteOptions,
  signal: AbortSignal,
): Promise<RemoteVolume> {
  const session = await openSession(address, options, signal);
  const stop = () => {
    session.calls.link.close();
  };
  signal.addEventListener('abort', stop);
  try {
    const body = { path: address.path };
    const { reply } = await session.explain(() => session.calls.call({ type: 'open', body }));
    return new AgentVolume(session, identityThere(session, reply.identity), reply.fingerprint);
  } catch (error) {
    await session.end();
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** Converts the agent's description of a volume. */
export function identityThere(
  { address: { text, destination }, bootId }: AgentSession,
  identity: Omit<VolumeIdentity, 'node'> & { readonly node: string },
): VolumeIdentity {
  return {
    ...identity,
    path: text,
    realPath: `${destination}:${identity.realPath}`,
    node: `remote:${bootId}:${identity.node}`,
    stableId: `${destination}:${identity.stableId}`,
  };
}

export class AgentVolume implements RemoteVolume {
  readonly identity: VolumeIdentity;
  readonly reader: ByteReader;
  readonly fingerprint: string;
  readonly session: AgentSession;

  /** Takes ownership of the session: close() ends it. */
  constructor(session: AgentSession, identity: VolumeIdentity, fingerprint: string) {
    this.session = session;
    this.fingerprint = fingerprint;
    this.identity = identity;
    this.reader = {
      sizeBytes: identity.sizeBytes,
      read: (offsetBytes, lengthBytes) => this.#read(offsetBytes, lengthBytes),
    };
  }

  get bootId(): string {
    return this.session.bootId;
  }

  /** The page cache is on the other host; the agent bypasses it where that helps. */
  get directReader(): ByteReader {
    return this.reader;
  }

  async lend<T>(use: (endpoint: EndpointDescription) => Promise<T>): Promise<T> {
    const { calls } = this.session;
    const { path: name, sizeBytes } = this.identity;
    return calls.lend(async (link, granularityBytes) => {
      const failures: IoFailure[] = [];
      const onLinkFailure = (failure: IoFailure) => {
        failures.push(failure);
      };
      const endpoint = { kind: 'peer', name, sizeBytes, granularityBytes, onLinkFailure } as const;
      try {
        return await use({ ...endpoint, ...link });
      } finally {
        // The stream is no longer between two frames, so it can carry no more messages.
        for (const failure of failures) calls.link.fail(new EngineError(failure, name));
      }
    });
  }

  async writeDurably(offsetBytes: number, bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length; done += mostReadBytes) {
      const attachment = bytes.subarray(done, done + mostReadBytes);
      const body = { offsetBytes: offsetBytes + done };
      await this.session.calls.call({ type: 'write', body, attachment });
    }
  }

  async sync(): Promise<void> {
    await this.session.calls.call({ type: 'sync', body: {} });
  }

  async writeCounter(): Promise<WriteCounter> {
    // If the connection is lost, the digests end the run; here it only means that the answer is unknown.
    const answer = await this.session.calls
      .call({ type: 'writeCounter', body: {} })
      .catch(() => null);
    if (answer === null) return { value: null, isFresh: false };
    const { counterText, isFresh } = answer.reply;
    return { value: counterText, isFresh };
  }

  async nextData(offsetBytes: number): Promise<number | null> {
    const { reply } = await this.session.calls.call({ type: 'nextData', body: { offsetBytes } });
    return reply.offsetBytes;
  }

  async isInPlace(): Promise<boolean> {
    const { reply } = await this.session.calls.call({ type: 'inPlace', body: {} });
    return reply.isInPlace;
  }

  digestCells(request: Omit<DigestRequest, 'source'>): Job<DigestResult> {
    return remoteDigests(this.session.calls, this.identity, request);
  }

  async close(): Promise<void> {
    await this.session.end();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #read(offsetBytes: number, lengthBytes: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(lengthBytes);
    for (let done = 0; done < lengthBytes; done += mostReadBytes) {
      const wanted = Math.min(mostReadBytes, lengthBytes - done);
      const body = { offsetBytes: offsetBytes + done, lengthBytes: wanted };
      const { attachment } = await this.session.calls.call({
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
      message: `${this.session.calls.link.peer} returned other bytes than requested, at ${offsetBytes}`,
    });
  }
}
