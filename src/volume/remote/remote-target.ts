/** A target on another host: its agent inspects it before a run, and opens it for the run. */

import type { VolumeIdentity } from '../identity.js';
import type { Usage } from '../usage.js';
import { AgentVolume, identityThere, type RemoteVolume } from './remote-volume.js';
import type { AgentSession } from './session.js';

/** What exists there now. */
export interface FoundTarget {
  readonly identity: VolumeIdentity;
  readonly usage: Usage;
  /** Descriptions of its content, one line each. */
  readonly holds: readonly string[];
  /** The run that left the target unfinished, or null. */
  readonly stamp: string | null;
}

/** Null: the target does not exist. Rejects as the agent's inspection does, and as the session. */
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
  /** The content that the user agreed to overwrite. */
  readonly holds: readonly string[];
  readonly stamp: string | null;
}

/** Rejects with the agent's refusals and its errors. Closing the volume ends the session. */
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
