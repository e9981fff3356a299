/** A target on another host: what its agent finds there before a run, and how it opens it for one. */

import type { VolumeIdentity } from '../identity.js';
import type { Usage } from '../usage.js';
import { AgentVolume, identityThere, type RemoteVolume } from './remote-volume.js';
import type { AgentSession } from './session.js';

/** What is there now. */
export interface FoundTarget {
  readonly identity: VolumeIdentity;
  readonly usage: Usage;
  /** What is on it, one line each. */
  readonly holds: readonly string[];
  /** The run that left it unfinished, or null. */
  readonly stamp: string | null;
}

/** Null: nothing is there. Rejects as the agent's looking does, and as the session. */
export async function inspectTarget(session: AgentSession): Promise<FoundTarget | null> {
  const { reply } = await session.explain(() =>
    session.calls.call({ type: 'inspect', body: { path: session.address.path } }),
  );
  const { found } = reply;
  if (found === null) return null;
  const { elsewhere, ...usage } = found.usage;
  return {
    ...found,
    usage: elsewhere === undefined ? usage : { ...usage, elsewhere },
    identity: identityThere(session, found.identity),
  };
}

export interface OpenRemoteTarget {
  readonly sizeBytes: number;
  readonly exclusive: boolean;
  readonly overrides: readonly string[];
  /** What the user knows to be overwritten. */
  readonly holds: readonly string[];
  readonly stamp: string | null;
}

/** Rejects as the agent's refusals and its opening do. The session ends with the volume. */
export async function openRemoteTarget(
  session: AgentSession,
  { sizeBytes, exclusive, overrides, holds, stamp }: OpenRemoteTarget,
): Promise<{
  readonly volume: RemoteVolume;
  readonly isNew: boolean;
  readonly isResized: boolean;
}> {
  const { path } = session.address;
  const body = {
    ...{ path, sizeBytes, exclusive, stamp },
    ...{ overrides: [...overrides], holds: [...holds] },
  };
  const { reply } = await session.explain(() => session.calls.call({ type: 'openTarget', body }));
  const { isNew, isResized, fingerprint } = reply;
  const volume = new AgentVolume(session, identityThere(session, reply.identity), fingerprint);
  return { volume, isNew, isResized };
}
