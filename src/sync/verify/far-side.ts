/** A target on another host as a side of a verification: opened by way of the agent there, compared by digests. */

import type { DigestAlgorithm } from '../../engine/index.js';
import { exitCodes, FastsyncError } from '../../errors.js';
import type { Reporter } from '../../report/index.js';
import {
  bootId,
  type Refusal,
  type RemoteAddress,
  type RemoteShell,
  type RemoteVolume,
  sharedStorage,
  type VolumeIdentity,
} from '../../volume/index.js';

/** Where the target is, and how to get there. */
export interface Remote {
  readonly address: RemoteAddress;
  readonly shell: RemoteShell;
  /** After so long without a sign of life the other host counts as dead. */
  readonly silenceMs: number;
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
  const onLine = (line: string) => {
    const message = `${address.destination}: ${line}`;
    reporter?.report({ type: 'note', severity: 'info', code: 'REMOTE', message });
  };
  // Loaded by those who need it: with it come ssh's process and the checks of every message.
  const { openRemoteVolume } = await import('../../volume/remote/remote-volume.js');
  const volume = await openRemoteVolume(address, { shell, silenceMs, onLine }, signal);
  return { volume, algorithm, [Symbol.asyncDispose]: () => volume.close() };
}

/** ssh to this host finds this host's disks, and two hosts may share one. */
export async function sharedRefusals(
  source: VolumeIdentity,
  { identity: target, bootId: there }: RemoteVolume,
): Promise<Refusal[]> {
  const here = await bootId();
  const isThisHost = here !== '' && there === here;
  const isShared = isThisHost
    ? target.node === `remote:${here}:${source.node}`
    : isSameDisk(source, target);
  return isShared ? [sharedStorage(target.path, source.path)] : [];
}

function isSameDisk(one: VolumeIdentity, other: VolumeIdentity): boolean {
  return (
    one.serial !== null &&
    one.serial === other.serial &&
    one.model === other.model &&
    one.sizeBytes === other.sizeBytes &&
    (one.partitionOf === null) === (other.partitionOf === null)
  );
}

export function cannotRepairThere({ text }: RemoteAddress): FastsyncError {
  return new FastsyncError({
    code: 'USAGE',
    exitCode: exitCodes.usage,
    message: `${text} is on another host: fastsync can verify it, but not repair it`,
    remedy: 'omit --repair, or repair it on that host',
  });
}
