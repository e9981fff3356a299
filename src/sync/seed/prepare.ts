/** Prepares a seed: preflights both sides, maps the source, collects the refusals. */

import type { UsedMap } from '../../../fsparsers/index.js';
import {
  overrides,
  type Refusal,
  type HostVolume,
  type VolumeIdentity,
} from '../../volume/index.js';
import { beginOnline, type Begun, type BeginRequest } from '../consistency/begin.js';
import { mapAtRest, type MappedSource, type MapRequest } from '../map-source.js';
import { type Plan, planCopy, truncatePlan } from '../plan.js';
import {
  mapRefusals,
  type Preflight,
  preflight,
  type PreflightRequest,
  releasedOnFailure,
  standing,
  targetSectorRefusals,
  volumeRefusals,
} from '../preflight.js';
import type { Target } from '../target.js';
import { openTargets, type TargetSet } from '../targets.js';
import { CheckpointFile } from './checkpoint.js';

export interface SeedRequest extends PreflightRequest, MapRequest {
  /** Where an earlier run may have left its checkpoint. */
  readonly stateDirectory: string;
  readonly signal: AbortSignal;
}

/** A prepared run, which may begin if `refusals` is empty. */
export interface PreparedSeed<Mapped extends MappedSource = MappedSource> extends AsyncDisposable {
  readonly source: HostVolume;
  /** Disposed together with this. */
  readonly mapped: Mapped;
  readonly map: UsedMap;
  readonly plan: Plan;
  readonly targets: readonly Target[];
  /** The refusals that no override covers. */
  readonly refusals: readonly Refusal[];
  /** Opens the targets for writing, exclusively and under a lock; makes those that do not exist. */
  openTargets(): Promise<TargetSet>;
  /** The user has accepted that the source may be written meanwhile. */
  readonly sourceMayChange: boolean;
}

/** Gathers everything; writes nothing. Rejects as preflight() and mapSource() do. */
export function prepareSeed(request: SeedRequest): Promise<PreparedSeed> {
  return prepare(request, 'at rest', (source) => mapAtRest(source, request));
}

/** How to track and map a source in use. */
export type OnlineBeginning = Omit<BeginRequest, 'source' | 'map' | 'dirty' | 'signal'>;

/**
 * The same for a mounted source: it is tracked from now on, and mapped in a freeze. Rejects also as
 * beginOnline() does.
 */
export function prepareOnlineSeed(
  request: SeedRequest,
  online: OnlineBeginning,
): Promise<PreparedSeed<Begun & MappedSource>> {
  return prepare(request, 'in use', async (source) => {
    const begun = await beginOnline({ ...request, ...online, source });
    return { ...begun, [Symbol.asyncDispose]: () => begun.tracker.stop() };
  });
}

/** Shows what a run over a mounted source would do. Nothing is tracked or frozen, so the map may be torn. */
export function previewOnlineSeed(request: SeedRequest): Promise<PreparedSeed> {
  return prepare(request, 'in use', (source) => mapAtRest(source, request));
}

async function prepare<Mapped extends MappedSource>(
  request: SeedRequest,
  sourceIs: 'at rest' | 'in use',
  mapSource: (source: HostVolume) => Promise<Mapped>,
): Promise<PreparedSeed<Mapped>> {
  const isAllowed = (code: keyof typeof overrides) => request.overrides.has(overrides[code]);
  const policy = {
    claims: { source: !isAllowed('SOURCE_OPEN'), targets: true },
    ignores: (code: string) => sourceIs === 'in use' && code === 'SOURCE_MOUNTED',
  };
  const found = await preflight(request, policy);
  return releasedOnFailure(found, async () => {
    const { source } = found;
    const targets = await withoutOwn(found.targets, source.identity, request.stateDirectory);
    const mapped = await mapSource(source);
    const release = async () => {
      await mapped[Symbol.asyncDispose]();
      await found[Symbol.asyncDispose]();
    };
    return releasedOnFailure(mapped, async () => {
      const { map } = mapped;
      const refusals = await refusalsOf({ ...found, targets }, map);
      return {
        source,
        mapped,
        map,
        plan: planFor(targets, map),
        targets,
        refusals: standing(refusals, request, policy),
        sourceMayChange: isAllowed('SOURCE_MOUNTED') || isAllowed('SOURCE_OPEN'),
        openTargets: () =>
          openTargets(targets, {
            sizeBytes: source.identity.sizeBytes,
            overrides: request.overrides,
            // Both overrides mean that somebody else already holds the exclusive claim.
            exclusive: !isAllowed('TARGET_IN_USE') && !isAllowed('TARGET_MOUNTED'),
          }),
        [Symbol.asyncDispose]: release,
      };
    });
  });
}

async function refusalsOf(found: Preflight, map: UsedMap): Promise<Refusal[]> {
  return [
    ...volumeRefusals(found),
    ...mapRefusals(found, map),
    ...(await targetSectorRefusals(found, map)),
  ];
}

/** Plans for as much of the source as the smallest target device holds; files are resized. */
function planFor(targets: readonly Target[], map: UsedMap): Plan {
  const sizes = targets.map(({ facts }) =>
    facts?.identity.kind === 'block' ? facts.identity.sizeBytes : Infinity,
  );
  const plan = planCopy(map.ranges, map.deviceBytes);
  return truncatePlan(plan, Math.min(...sizes), map.filesystem.sizeBytes);
}

/**
 * Removes the contents of targets that an earlier run of the same command left unfinished, recognised by
 * the stamp in its checkpoint: the user confirmed them then, and they hold no other data.
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
