/** Prepares a replication: preflights source and targets, collects the refusals. */

import path from 'node:path';
import { exitCodes, FastsyncError } from '../../errors.js';
import {
  findFreezable,
  openVolume,
  type Refusal,
  type RefusalCode,
  type TargetFacts,
  type HostVolume,
} from '../../volume/index.js';
import { type Likeness, likeness } from '../likeness.js';
import {
  type Policy,
  preflight,
  type PreflightRequest,
  releasedOnFailure,
  standing,
  targetSectorRefusals,
  volumeRefusals,
} from '../preflight.js';
import { isUnfinished, signatureAreaDigest } from '../target-header/index.js';
import type { Target } from '../target.js';
import { isAwaiting } from './apply.js';
import { Journal } from './journal.js';
import {
  liveDirectory,
  pairKey,
  type ReplicaRecord,
  replicaFile,
  replicaSuffix,
} from './replica-file.js';

export interface LivePlaces extends PreflightRequest {
  readonly stateDirectory: string;
  readonly journalDirectory: string;
}

export interface LiveTarget {
  readonly target: Target;
  /** Seed a target that is new, torn or foreign; compare one that is already a replica of the source. */
  readonly begin: 'seed' | 'compare';
}

export interface PreparedLive extends AsyncDisposable {
  readonly source: HostVolume;
  readonly targets: readonly LiveTarget[];
  /** The refusals that no override covers. */
  readonly refusals: readonly Refusal[];
}

/** A replicated source is normally in use, so these are no reason to refuse. */
const harmless: ReadonlySet<RefusalCode> = new Set<RefusalCode>(['SOURCE_MOUNTED', 'SOURCE_OPEN']);

/** Gathers everything; writes nothing. Rejects as preflight() does, and with TARGET_TOO_SMALL. */
export async function prepareLive(places: LivePlaces): Promise<PreparedLive> {
  const policy: Policy = {
    claims: { source: false, targets: true },
    directories: [places.stateDirectory, places.journalDirectory],
    checkSource: refuseUnfreezable,
    ignores: (code) => harmless.has(code),
  };
  const found = await preflight(places, policy);
  return releasedOnFailure(found, async () => {
    const { source } = found;
    const targets: LiveTarget[] = [];
    const known: Target[] = [];
    for (const target of found.targets) {
      const { begin, isOurs } = await beginning(source, target, places.stateDirectory);
      targets.push({ target, begin });
      known.push(isOurs ? withoutContents(target) : target);
    }
    const seen = { ...found, targets: known };
    const refusals = [...volumeRefusals(seen), ...(await targetSectorRefusals(seen, {}))];
    const small = refusals.find(({ code }) => code === 'TARGET_TOO_SMALL');
    if (small !== undefined) throw tooSmall(small);
    return {
      source,
      targets,
      refusals: standing(refusals, places, policy),
      [Symbol.asyncDispose]: () => found[Symbol.asyncDispose](),
    };
  });
}

/** Its content comes from the source, so the user need not be asked. */
function withoutContents(target: Target): Target {
  return target.facts === null ? target : { ...target, facts: { ...target.facts, holds: [] } };
}

/** An unmounted source may be followed. One that can never be frozen is refused before anything is written. */
async function refuseUnfreezable({ identity }: HostVolume): Promise<void> {
  try {
    await findFreezable(identity);
  } catch (error) {
    if (!(error instanceof FastsyncError && error.code === 'NOT_MOUNTED')) throw error;
  }
}

interface Beginning extends Pick<LiveTarget, 'begin'> {
  /** All its content was written by an earlier run over this pair, so the user need not be asked. */
  readonly isOurs: boolean;
}

async function beginning(
  source: HostVolume,
  target: Target,
  stateDirectory: string,
): Promise<Beginning> {
  const like = await likenessOf(source, target);
  if (target.facts === null) return { begin: 'seed', isOurs: false };
  if (like === 'other') {
    return { begin: 'seed', isOurs: await isOwnUnfinished(source, target, stateDirectory) };
  }
  // If it has become something else besides a replica, only the user's yes allows wiping that.
  const isOurs = like === 'same' && (await isAsLeft(source, target.facts, stateDirectory));
  return { begin: 'compare', isOurs };
}

async function likenessOf(source: HostVolume, { path: name, facts }: Target): Promise<Likeness> {
  if (facts === null || facts.identity.sizeBytes < source.identity.sizeBytes) return 'other';
  if (facts.holds.length === 0) return 'other';
  await using volume = await openVolume(name);
  return (await isUnfinished(volume)) ? 'other' : await likeness(source, volume, 'all');
}

/**
 * Whether the target is as an earlier run over this pair left it. A target that was used independently
 * since, for example after its source failed, looks like its replica too, but may hold the only copy of
 * newer data.
 */
async function isAsLeft(
  { identity }: HostVolume,
  { identity: target }: TargetFacts,
  stateDirectory: string,
): Promise<boolean> {
  const key = pairKey(identity.stableId, target.stableId);
  const replicaRecord = await replicaOf(key, stateDirectory);
  if (replicaRecord === null) return false;
  await using volume = await openVolume(target.path, { expected: target });
  const signatureArea = await signatureAreaDigest(volume.reader);
  if (signatureArea === replicaRecord.signatureArea) return true;
  // The earlier run may have been killed after the last write of an epoch, before it recorded that.
  await using journal = await Journal.openExisting(replicaRecord.journalDirectory, key);
  const record = (await journal?.committed()) ?? null;
  return journal !== null && record !== null && (await isAwaiting(volume, journal, record));
}

/** Whether a run over this pair began to write the target and left it unfinished, by its stamp. */
async function isOwnUnfinished(
  { identity }: HostVolume,
  { facts, stamp }: Target,
  stateDirectory: string,
): Promise<boolean> {
  if (facts === null || stamp === null) return false;
  const key = pairKey(identity.stableId, facts.identity.stableId);
  const replicaRecord = await replicaOf(key, stateDirectory);
  if (replicaRecord === null || replicaRecord.runId === stamp) return replicaRecord !== null;
  await using journal = await Journal.openExisting(replicaRecord.journalDirectory, key);
  return (await journal?.committed())?.runId === stamp;
}

function replicaOf(key: string, stateDirectory: string): Promise<ReplicaRecord | null> {
  const file = path.join(liveDirectory(stateDirectory), `${key}${replicaSuffix}`);
  return replicaFile(file).load();
}

/** A truncated volume can be copied but not followed, so there is no override. */
function tooSmall({ code, message, remedy }: Refusal): FastsyncError {
  return new FastsyncError({ code, exitCode: exitCodes.refused, message, remedy });
}
