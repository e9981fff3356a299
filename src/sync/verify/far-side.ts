/**
 * A target on another host as one side of a verification: opened through the agent there, compared by
 * digests.
 */

import type { DigestAlgorithm } from '../../engine/index.js';
import type { Reporter } from '../../report/index.js';
import {
  type Refusal,
  type RemoteAddress,
  type RemoteVolume,
  sharedStorage,
  type VolumeIdentity,
} from '../../volume/index.js';
import { lineReporter, type RemoteAccess } from '../far-target.js';
import { isSharedAcrossHosts } from '../shared-storage.js';

/** The target's host and path, and how to connect to it. */
export interface Remote extends RemoteAccess {
  readonly address: RemoteAddress;
  readonly algorithm: DigestAlgorithm;
}

export interface FarSide extends AsyncDisposable {
  readonly volume: RemoteVolume;
  readonly algorithm: DigestAlgorithm;
}

/** Opens it for reading. Rejects as openRemoteVolume() does. */
export async function openFarSide(
  { address, shell, silenceMs, algorithm }: Remote,
  { reporter, signal }: { readonly reporter?: Reporter; readonly signal: AbortSignal },
): Promise<FarSide> {
  const onLine = lineReporter(address, reporter);
  // Loaded on demand: it brings in ssh's process handling and the message validation.
  const { openRemoteVolume } = await import('../../volume/remote/index.js');
  const volume = await openRemoteVolume(address, { shell, silenceMs, onLine }, signal);
  return { volume, algorithm, [Symbol.asyncDispose]: () => volume.close() };
}

/** Refuses shared storage: ssh may lead back to this host, and two hosts may share a disk. */
export async function sharedRefusals(
  source: VolumeIdentity,
  { identity: target, bootId: there }: RemoteVolume,
): Promise<Refusal[]> {
  const isShared = await isSharedAcrossHosts(source, target, there);
  return isShared ? [sharedStorage(target.path, source.path)] : [];
}
