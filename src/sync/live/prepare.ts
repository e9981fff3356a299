/** Before the first write: look at the source and every target, and find the reasons not to begin. */

import { access } from 'node:fs/promises';
import path from 'node:path';
import { exitCodes, FastsyncError } from '../../errors.js';
import { reach } from '../../reach.js';
import {
  findFreezable,
  findRefusals,
  type Volume,
  openVolume,
  type Override,
  overrides as overrideOf,
  type Refusal,
  type RefusalCode,
  surveyHostStorage,
  type TargetFacts,
} from '../../volume/index.js';
import { newTargetRefusals } from '../seed/prepare.js';
import { sectorRefusals } from '../sector-size.js';
import { inspectTargets, refuseOtherRuns, type Target } from '../targets.js';
import { likeness } from '../verify/prepare.js';
import { isAwaiting } from './apply.js';
import { signatureAreaDigest, isUnfinished } from '../target-header/index.js';
import { Journal } from './journal.js';
import {
  liveDirectory,
  pairKey,
  type ReplicaRecord,
  replicaFile,
  replicaSuffix,
} from './replica-file.js';
import { type Patience, wholeUsageOf } from '../elsewhere.js';

export interface LivePlaces extends Patience {
  readonly source: string;
  readonly targets: readonly string[];
  readonly stateDirectory: string;
  readonly journalDirectory: string;
  readonly overrides: ReadonlySet<Override>;
}

export interface LiveTarget {
  readonly target: Target;
  /** Seed what is new, torn or foreign; compare what already is a replica of the source. */
  readonly begin: 'seed' | 'compare';
}

export interface PreparedLive extends AsyncDisposable {
  readonly source: Volume;
  readonly targets: readonly LiveTarget[];
  /** Those that no override covers. */
  readonly refusals: readonly Refusal[];
}

/** A source in use is what this is for. */
const harmless: ReadonlySet<RefusalCode> = new Set<RefusalCode>(['SOURCE_MOUNTED', 'SOURCE_OPEN']);

/** Gathers everything; writes nothing. Rejects as openVolume() does, and with JOURNAL_ON_SOURCE and TARGET_TOO_SMALL. */
export async function prepareLive(places: LivePlaces): Promise<PreparedLive> {
  const source = await openVolume(places.source);
  try {
    await refuseUnfreezable(source);
    const directories = [places.stateDirectory, places.journalDirectory];
    const hostStorage = await surveyHostStorage([
      ...[places.source, ...places.targets],
      ...directories,
    ]);
    for (const directory of directories) {
      const nearest = await nearestExisting(directory);
      if (await hostStorage.liesOn(nearest, source.identity)) throw onSource(directory, places);
    }
    const inspected = await inspectTargets(places.targets, source.identity, hostStorage, places);
    const targets: LiveTarget[] = [];
    const refusals: Refusal[] = newTargetRefusals(inspected);
    const usage = await wholeUsageOf(hostStorage, source.identity, places);
    for (const target of inspected) {
      const { begin, hasMore } = await beginning(source, target);
      targets.push({ target, begin });
      const { facts } = target;
      if (facts === null) continue;
      await refuseOtherRuns([facts]);
      refusals.push(...(await sectorRefusals(source, [], [facts])));
      const found = findRefusals({ identity: source.identity, usage }, [facts]);
      const small = found.find(({ code }) => code === 'TARGET_TOO_SMALL');
      if (small !== undefined) throw tooSmall(small);
      const isOurs =
        !hasMore &&
        (await (begin === 'compare'
          ? isAsLeft(source, facts, places.stateDirectory)
          : isOwnUnfinished(source, target, places.stateDirectory)));
      refusals.push(...found.filter(({ code }) => code !== 'TARGET_HAS_DATA' || !isOurs));
    }
    return {
      source,
      targets,
      refusals: refusals.filter(
        ({ code }) => !harmless.has(code) && !places.overrides.has(overrideOf[code]),
      ),
      [Symbol.asyncDispose]: () => source.close(),
    };
  } catch (error) {
    await source.close();
    throw error;
  }
}

/** What is not mounted may be followed; what can never be frozen is refused before anything is written. */
async function refuseUnfreezable({ identity }: Volume): Promise<void> {
  try {
    await findFreezable(identity);
  } catch (error) {
    if (!(error instanceof FastsyncError && error.code === 'NOT_MOUNTED')) throw error;
  }
}

interface Beginning extends Pick<LiveTarget, 'begin'> {
  /** It has become something else beside a replica, or was before: only a yes lets that be wiped. */
  readonly hasMore: boolean;
}

async function beginning(source: Volume, { path: name, facts }: Target): Promise<Beginning> {
  const seed = { begin: 'seed', hasMore: false } as const;
  if (facts === null || facts.identity.sizeBytes < source.identity.sizeBytes) return seed;
  if (facts.holds.length === 0) return seed;
  await using volume = await openVolume(name);
  if (await isUnfinished(volume)) return seed;
  const like = await likeness(source, name);
  return like === 'other' ? seed : { begin: 'compare', hasMore: like === 'more' };
}

/**
 * Whether the target is what an earlier run left of this source. One that was used by itself since, after
 * its source had failed say, looks like its replica too, and may be the only one that holds the latest.
 */
async function isAsLeft(
  { identity }: Volume,
  { identity: target }: TargetFacts,
  stateDirectory: string,
): Promise<boolean> {
  const key = pairKey(identity.stableId, target.stableId);
  const replicaRecord = await replicaOf(key, stateDirectory);
  if (replicaRecord === null) return false;
  await using volume = await openVolume(target.path, { expected: target });
  const signatureArea = await signatureAreaDigest(volume.reader);
  if (signatureArea === replicaRecord.signatureArea) return true;
  // Killed after the last write of an epoch, and before it could say so.
  await using journal = await Journal.openExisting(replicaRecord.journalDirectory, key);
  const record = (await journal?.committed()) ?? null;
  return journal !== null && record !== null && (await isAwaiting(volume, journal, record));
}

/** Whether a run over this very pair began to write the target, and left it unfinished: by its stamp. */
async function isOwnUnfinished(
  { identity }: Volume,
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

async function nearestExisting(directory: string): Promise<string> {
  await reach(directory);
  for (let place = path.resolve(directory); ; place = path.dirname(place)) {
    const exists = await access(place).then(
      () => true,
      () => false,
    );
    if (exists || place === path.dirname(place)) return place;
  }
}

/** A part of a volume can be copied, but not followed: there is no override. */
function tooSmall({ code, message, remedy }: Refusal): FastsyncError {
  return new FastsyncError({ code, exitCode: exitCodes.refused, message, remedy });
}

function onSource(directory: string, { source }: LivePlaces): FastsyncError {
  return new FastsyncError({
    code: 'JOURNAL_ON_SOURCE',
    exitCode: exitCodes.refused,
    message: `${directory} lies on the file system on ${source}, which is frozen while it is written`,
    remedy: 'choose another place with --state-dir and --journal',
  });
}
