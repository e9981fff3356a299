/**
 * Seeds from a mounted file system: starts tracking before the map, and reaches one point in time at the
 * end.
 */

import type { MapOptions, UsedMap } from '../../../fsparsers/index.js';
import { exitCodes, FastsyncError } from '../../errors.js';
import { identifyVolume, type VolumeIdentity } from '../../volume/index.js';
import { planCopy, type Plan, truncatePlan, withWholeHeader } from '../plan.js';
import type { SeedResult, SeedRun } from './seed-run.js';
import { seed } from './seed.js';
import { MissedWrites } from '../consistency/errors.js';
import { beginOnline, type Begun } from '../consistency/begin.js';
import { type CutoverFigures, CatchUp, type OnlineOptions } from './catch-up.js';
import { CutoverBuffer } from '../consistency/cutover-buffer.js';

export interface OnlineRun extends Omit<
  SeedRun,
  'plan' | 'partitions' | 'follow' | 'sourceMayChange'
> {
  readonly begun: Begun;
  readonly map: MapOptions;
  readonly dirty: 'refuse' | 'copy-all';
  readonly online: OnlineOptions;
  /** Paths that must not lie on the source's file system. */
  readonly mustNotFreeze: readonly string[];
}

export interface OnlineResult {
  readonly seed: SeedResult;
  readonly plan: Plan;
  readonly map: UsedMap;
  /** How long writers waited for the map in total. */
  readonly mapFreezeMs: number;
  /** Null if the cutover was not reached. */
  readonly cutover: CutoverFigures | null;
}

/** Plans an online copy. The cutover copies the whole header, whichever parts are in use now. */
export function planOnline(map: UsedMap, limitBytes: number): Plan {
  const plan = planCopy(map.ranges, map.deviceBytes);
  const claimedBytes = map.filesystem.sizeBytes;
  return truncatePlan(withWholeHeader(plan, map.deviceBytes), limitBytes, claimedBytes);
}

const attempts = 3;

/**
 * Seeds targets from a volume that is mounted and being written. Where the tracker may have missed a
 * write, restarts it and compares everything. Rejects as seed() and beginOnline() do, with HOOK_FAILED,
 * NO_SHARED_MEMORY and SOURCE_RESIZED, and with TRACKER_MISSED when comparing did not help.
 */
export async function seedOnline(run: OnlineRun): Promise<OnlineResult> {
  await using buffer = await CutoverBuffer.open(run.source.identity.sizeBytes);
  let { begun, options, targets } = run;
  let mapFreezeMs = 0;
  for (let attempt = 1; ; attempt++) {
    mapFreezeMs += begun.mapFreezeMs;
    try {
      const result = await seedTracked({ ...run, begun, options, targets }, buffer);
      return { ...result, mapFreezeMs };
    } catch (error) {
      if (!(error instanceof MissedWrites) || attempt === attempts) throw error;
      const message = `${error.message}; comparing everything again`;
      run.reporter.report({ type: 'note', severity: 'warning', code: error.code, message });
    } finally {
      await begun.tracker.stop();
    }
    await requireSize(run.source.identity);
    begun = await beginOnline({ ...run, ...run.online });
    // Data copied so far no longer counts as copied, nor new targets as empty.
    options = { ...options, compare: true, resume: false };
    targets = targets.map(({ volume }) => ({ volume, isNew: false }));
  }
}

/** Rejects if the source was resized: a copy of its old size would be incomplete. */
async function requireSize({ path, sizeBytes }: VolumeIdentity): Promise<void> {
  const now = await identifyVolume(path);
  if (now.sizeBytes === sizeBytes) return;
  throw new FastsyncError({
    code: 'SOURCE_RESIZED',
    exitCode: exitCodes.incomplete,
    message: `${path} had ${sizeBytes} bytes and now has ${now.sizeBytes}: its targets stay unfinished`,
    remedy: 'resize the targets to match, and run the same command again',
  });
}

async function seedTracked(
  run: OnlineRun,
  buffer: CutoverBuffer,
): Promise<Omit<OnlineResult, 'mapFreezeMs'>> {
  const { source, targets, begun, online, options } = run;
  const limitBytes = Math.min(
    source.identity.sizeBytes,
    ...targets.map(({ volume }) => volume.identity.sizeBytes),
  );
  const plan = planOnline(begun.map, limitBytes);
  const follow = new CatchUp({
    ...run,
    buffer,
    tracker: begun.tracker,
    options: online,
    ioOptions: options.ioOptions,
    rescue: options.rescue,
    limitBytes,
  });
  const { partitions = [] } = begun.map;
  const result = await seed({ ...run, plan, partitions, sourceMayChange: true, follow });
  const truncatedBytes = plan.truncatedBytes + follow.bytesBehindLimit;
  return {
    seed: result,
    plan: { ...plan, truncatedBytes },
    map: begun.map,
    cutover: follow.figures,
  };
}

/** All paths that a run writes while the source may be frozen. */
export function mustNotFreezePaths(
  stateDirectory: string,
  targets: readonly string[],
  others: readonly (string | undefined)[],
): string[] {
  return [stateDirectory, ...targets, ...others.filter((path) => path !== undefined)];
}
