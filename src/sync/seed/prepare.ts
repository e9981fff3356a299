/** Everything before the first write: look at both sides, map the source, find the reasons not to begin. */

import { mapVolume, type MapOptions, type UsedMap } from '../../../fsparsers/index.js';
import {
  findRefusals,
  hazardRefusals,
  identifyVolume,
  sharedStorage,
  type Volume,
  openVolume,
  type Override,
  overrides,
  type Refusal,
  surveyHostStorage,
  type VolumeIdentity,
} from '../../volume/index.js';
import type { Reporter } from '../../report/index.js';
import { CheckpointFile } from './checkpoint.js';
import { sectorRefusals } from '../sector-size.js';
import { type Plan, planCopy, truncatePlan } from './plan.js';
import {
  inspectTargets,
  openTargets,
  refuseOtherRuns,
  type Target,
  type TargetSet,
} from '../targets.js';
import { wholeUsageOf } from '../elsewhere.js';

export interface SeedRequest {
  readonly source: string;
  readonly targets: readonly string[];
  readonly map: MapOptions;
  /** Where the source's journal or log lies, if on another device: no target may be there. */
  readonly logDevice?: string | undefined;
  /** What to do where a hazard says that the map cannot be trusted: refuse, or use all of the volume. */
  readonly dirty: 'refuse' | 'copy-all';
  readonly overrides: ReadonlySet<Override>;
  /** Where an earlier run may have left its checkpoint. */
  readonly stateDirectory: string;
  readonly signal: AbortSignal;
  readonly reporter?: Reporter;
}

/** A run that could begin, if nothing in `refusals` keeps it from doing so. */
export interface PreparedSeed {
  readonly source: Volume;
  readonly map: UsedMap;
  readonly plan: Plan;
  readonly targets: readonly Target[];
  /** Those that no override covers. */
  readonly refusals: readonly Refusal[];
  /** Opens the targets for writing, exclusively and under a lock; makes those that do not exist. */
  openTargets(): Promise<TargetSet>;
  /** The user has said that the source may be written meanwhile. */
  readonly sourceMayChange: boolean;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Gathers everything; writes nothing. `online` maps a source that is mounted, which is then no reason
 * to refuse it. Rejects as openVolume() and mapVolume() do, or as `online` does.
 */
export async function prepareSeed(
  request: SeedRequest,
  online: ((source: Volume) => Promise<UsedMap>) | null = null,
): Promise<PreparedSeed> {
  const source = await openVolume(request.source);
  try {
    const { logDevice } = request;
    const own = [
      request.source,
      ...request.targets,
      ...(logDevice === undefined ? [] : [logDevice]),
    ];
    const hostStorage = await surveyHostStorage(own);
    const mustNotFreeze = logDevice === undefined ? [] : [await identifyVolume(logDevice)];
    const targets = await withoutOwn(
      await inspectTargets(request.targets, source.identity, hostStorage, request, mustNotFreeze),
      source.identity,
      request.stateDirectory,
    );
    const usage = await wholeUsageOf(hostStorage, source.identity, request);
    const mayBeOpen = request.overrides.has(overrides.SOURCE_OPEN);
    await refuseOtherRuns([
      ...(mayBeOpen ? [] : [{ identity: source.identity, usage }]),
      ...targets.flatMap(({ facts }) => facts ?? []),
    ]);
    const map = await (online === null ? mapSource(source, request) : online(source));
    const found = [
      ...findRefusals(
        { identity: source.identity, usage },
        targets.map(({ facts }) => facts).filter((facts) => facts !== null),
      ),
      ...newTargetRefusals(targets),
      ...hazardRefusals(source.identity, map.hazards ?? []),
      ...(await sectorRefusals(
        source,
        map.partitions ?? [],
        targets.flatMap(({ facts }) => facts ?? []),
      )),
    ];
    const plan = planCopy(map.ranges, map.deviceBytes);
    const sizes = targets.map(({ facts }) =>
      facts?.identity.kind === 'block' ? facts.identity.sizeBytes : Infinity,
    );
    return {
      source,
      map,
      plan: truncatePlan(plan, Math.min(...sizes), map.filesystem.sizeBytes),
      targets,
      refusals: found.filter(
        ({ code }) =>
          !request.overrides.has(overrides[code]) &&
          !(online !== null && code === 'SOURCE_MOUNTED'),
      ),
      sourceMayChange:
        request.overrides.has(overrides.SOURCE_MOUNTED) ||
        request.overrides.has(overrides.SOURCE_OPEN),
      openTargets: () =>
        openTargets(targets, {
          sizeBytes: source.identity.sizeBytes,
          // Both mean that somebody else has the claim already.
          exclusive:
            !request.overrides.has(overrides.TARGET_IN_USE) &&
            !request.overrides.has(overrides.TARGET_MOUNTED),
        }),
      [Symbol.asyncDispose]: () => source.close(),
    };
  } catch (error) {
    await source.close();
    throw error;
  }
}

/**
 * Targets that an earlier run of the same command left unfinished, known by the stamp that is in its
 * checkpoint: they were asked about then, and hold nothing of anybody's.
 */
async function withoutOwn(
  targets: readonly Target[],
  source: VolumeIdentity,
  stateDirectory: string,
): Promise<Target[]> {
  const names = targets.flatMap(({ facts }) => facts?.identity.stableId ?? []);
  const file = new CheckpointFile(stateDirectory, source.stableId, names);
  const own = names.length === targets.length ? ((await file.load())?.runId ?? null) : null;
  return targets.map((target) =>
    own !== null && target.stamp === own && target.facts !== null
      ? { ...target, facts: { ...target.facts, holds: [] } }
      : target,
  );
}

/** A file that is still to be made has one way to be wrong: the place where it would lie. */
export function newTargetRefusals(targets: readonly Target[]): Refusal[] {
  return targets.flatMap(({ path, facts, sharedWith }) =>
    facts === null && sharedWith !== null ? [sharedStorage(path, sharedWith)] : [],
  );
}

/** Maps the source; where a hazard stands against its map, and the user wants it so, all of it is used. */
export async function mapSource(
  source: Volume,
  request: Pick<SeedRequest, 'map' | 'dirty' | 'signal'>,
): Promise<UsedMap> {
  const { dirty, signal } = request;
  // A file's own sectors are 512 bytes, but the disk it is an image of may have had others.
  const { kind, logicalBlockBytes: sectorBytes } = source.identity;
  const options = { ...request.map, ...(kind === 'block' ? { sectorBytes } : {}) };
  const map = await mapVolume(source.reader, { ...options, signal });
  const isDirty = (map.hazards ?? []).length > 0;
  return isDirty && dirty === 'copy-all'
    ? mapVolume(source.reader, { ...options, as: 'whole', signal })
    : map;
}
