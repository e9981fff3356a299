/** A target on another host: inspected and opened by the agent there. */

import type { Reporter } from '../report/index.js';
import {
  type AgentSession,
  type Override,
  type RemoteAddress,
  type RemoteShell,
  type RemoteVolume,
  type VolumeIdentity,
} from '../volume/index.js';
import { sharedByRemoteTarget, type KnownStorage } from './shared-storage.js';
import type { OpenTarget, Target } from './target.js';

/** How to reach other hosts. */
export interface RemoteAccess {
  readonly shell: RemoteShell;
  /** The other host counts as dead after this long without a heartbeat. */
  readonly silenceMs: number;
}

export interface Hearing {
  readonly reporter?: Reporter | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Reports what another host prints. */
export function lineReporter(
  { destination }: RemoteAddress,
  reporter: Reporter | undefined,
): (line: string) => void {
  return (line) => {
    const message = `${destination}: ${line}`;
    reporter?.report({ type: 'note', severity: 'info', code: 'REMOTE', message });
  };
}

/**
 * Inspects the target, after those in `earlier`; the session stays open with it. Rejects as openSession() and
 * inspectTarget() do.
 */
export async function inspectFarTarget(
  address: RemoteAddress,
  source: VolumeIdentity,
  known: KnownStorage,
  access: RemoteAccess,
  { reporter, signal = new AbortController().signal }: Hearing,
): Promise<Target> {
  // Loaded on demand: it brings in ssh's process handling and the message validation.
  const { openSession } = await import('../volume/remote/index.js');
  const options = { ...access, onLine: lineReporter(address, reporter) };
  const far = await openSession(address, options, signal);
  try {
    return await farTargetOn(far, source, known);
  } catch (error) {
    await far.end();
    throw error;
  }
}

/** Inspects the target of a session that is open. Rejects as inspectTarget() does. */
export async function farTargetOn(
  far: AgentSession,
  source: VolumeIdentity,
  known?: KnownStorage,
): Promise<Target> {
  const { inspectTarget } = await import('../volume/remote/index.js');
  const { text, path } = far.address;
  const found = await inspectTarget(far);
  const described = { path, identity: found?.identity ?? null, bootId: far.bootId };
  const sharedWith = await sharedByRemoteTarget(described, source, known);
  if (found === null) return { path: text, facts: null, sharedWith, stamp: null, far };
  const { stamp, ...facts } = found;
  return { path: text, facts: { ...facts, sharedWith }, sharedWith, stamp, far };
}

/** `overrides`: what the user allows. */
export async function openFarTarget(
  { facts, stamp }: Target,
  far: AgentSession,
  options: {
    readonly sizeBytes: number;
    readonly exclusive: boolean;
    readonly overrides: ReadonlySet<Override>;
  },
): Promise<OpenTarget & { readonly volume: RemoteVolume }> {
  const { openRemoteTarget } = await import('../volume/remote/index.js');
  const holds = facts?.holds ?? [];
  // At this point the user has agreed to lose the contents, or they are an unfinished copy of the
  // same run.
  const overrides = [...options.overrides, ...(holds.length > 0 ? (['yes'] as const) : [])];
  const own = holds.length === 0 ? stamp : null;
  return openRemoteTarget(far, { ...options, overrides, holds, stamp: own });
}
