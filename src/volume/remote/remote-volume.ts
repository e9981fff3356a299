/** A volume of another host, by way of the agent there. */

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

/** What the owner of a remote volume says of it beside what every volume has. */
export interface RemoteVolume extends Volume {
  /** Names the kernel that the other host runs now: equal to ours, it is this host. */
  readonly bootId: string;
  readonly fingerprint: string;
  /** It ends with the volume. */
  readonly session: AgentSession;
}

/**
 * Opens a volume of another host for reading. Rejects as the agent's openVolume() does, with exit code 6
 * where the host, the link or the agent is at fault, and as `signal` says.
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

/** What the agent says of a volume, in the names that this host has for it. */
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

  /** Takes the session over: close() ends it. */
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

  /** Its page cache is the other host's, and the agent reads past it where that is of use. */
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
        // Between two frames no longer: nothing that is sent or received now has a meaning.
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
    // A connection that was lost ends the run by its digests; here it only means that nothing is known.
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
      message: `${this.session.calls.link.peer} gave other bytes than it was asked for, at ${offsetBytes}`,
    });
  }
}
