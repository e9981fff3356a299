/** Whether a target may be repaired: only a replica of this source is written to without asking. */

import type { UsedMap } from '../../../fsparsers/index.js';
import { fingerprintOf, type Volume, type VolumeIdentity } from '../../volume/index.js';
import { likeness } from '../likeness.js';
import { oldestProof } from './proof-ages.js';
import type { VerifyRequest } from './request.js';
import { sidesKey, VerifyStateFile } from './state-record.js';
import { scopeOf } from './work.js';

/** The target, and what distinguishes it from others of the same name. */
export interface OpenVolume {
  readonly volume: Volume;
  readonly fingerprint: string;
}

/** Whether the target has the source's identifying signatures, or was proven equal to it before. */
export async function isReplica(
  request: VerifyRequest,
  source: Volume,
  { volume: target, fingerprint }: OpenVolume,
  map: UsedMap,
): Promise<boolean> {
  if ((await likeness(source, target, 'identifying')) !== 'other') return true;
  return wasProven(request, [source.identity, target.identity], fingerprint, map);
}

/** Whether earlier verifications proved these two volumes equal in full. */
async function wasProven(
  request: VerifyRequest,
  [source, target]: readonly [VolumeIdentity, VolumeIdentity],
  fingerprint: string,
  { deviceBytes, filesystem }: UsedMap,
): Promise<boolean> {
  if (request.stateDirectory === undefined) return false;
  const prints = [await fingerprintOf(source), fingerprint];
  const sides = sidesKey(filesystem, ...prints);
  const names = [source.stableId, target.stableId] as const;
  const file = new VerifyStateFile(request.stateDirectory, ...names, scopeOf(request), sides);
  const proofAges = (await file.load())?.proofAges ?? null;
  return proofAges !== null && oldestProof(proofAges, 0, deviceBytes) !== null;
}
