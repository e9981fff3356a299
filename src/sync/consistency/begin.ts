/** Begins online work: starts the tracker, then reads the map at one moment. */

import { type MapOptions, type UsedMap } from '../../../fsparsers/index.js';
import { fineGranularity, startTracker, type Tracker } from '../../tracker/index.js';
import { findFreezable, type HostVolume } from '../../volume/index.js';
import { FreezePoints } from './freeze-points.js';
import { mapAtOneMoment, mapQuickly, type ReadMap, rehearseMap } from './map-at-moment.js';
import { writeBack } from './write-back.js';

export interface BeginRequest {
  readonly source: HostVolume;
  readonly map: MapOptions;
  /**
   * Where a hazard stands against the map: return the map with its hazards (default), or treat the whole
   * volume as used.
   */
  readonly dirty?: 'refuse' | 'copy-all';
  /** Null: the default granularity for the volume's size. */
  readonly granularityBytes: number | null;
  readonly maxFreezeMs: number;
  /** Paths that must not lie on the file system, because they are written while it is frozen. */
  readonly mustNotFreeze: readonly string[];
  readonly signal: AbortSignal;
}

/** A tracked source, and its map, read at one moment after tracking began. */
export interface Begun {
  readonly tracker: Tracker;
  readonly map: UsedMap;
  /** How long writers waited for the map. */
  readonly mapFreezeMs: number;
}

/**
 * Starts the tracker, freezes, maps, thaws. Any block allocated after the map was read is also written
 * after it, so the tracker sees it. Rejects as startTracker(), freeze() and mapVolume() do.
 */
export async function beginOnline(request: BeginRequest): Promise<Begun> {
  const { source, granularityBytes, maxFreezeMs, mustNotFreeze, signal } = request;
  const { identity } = source;
  const readMap = readMapOf(request);
  // Report the simplest reasons to refuse before anything is loaded into the kernel.
  await findFreezable(identity);
  await writeBack(identity, signal);
  await rehearseMap(source.directReader, readMap, signal);
  const tracker = await startTracker(source, {
    granularityBytes: granularityBytes ?? fineGranularity(identity.sizeBytes),
  });
  try {
    const points = new FreezePoints({ source, maxFreezeMs, mustNotFreeze, signal });
    const { map, waitedMs } = await mapAtOneMoment(points, readMap, signal);
    return { tracker, map, mapFreezeMs: waitedMs };
  } catch (error) {
    await tracker.stop();
    throw error;
  }
}

/** Treats the whole volume as used where a hazard stands against the map and the user asked for that. */
function readMapOf({ source, map: options, dirty = 'refuse' }: BeginRequest): ReadMap {
  const read = mapQuickly(source.identity, options);
  const readWhole = mapQuickly(source.identity, { ...options, as: 'whole' });
  return async (reader, signal) => {
    const map = await read(reader, signal);
    const isDoubtful = (map.hazards ?? []).length > 0;
    return isDoubtful && dirty === 'copy-all' ? readWhole(reader, signal) : map;
  };
}
