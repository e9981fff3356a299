/** The beginning of online work: the tracker first, then the map of one moment after that. */

import { type MapOptions, type UsedMap } from '../../../fsparsers/index.js';
import { fineGranularity, startTracker, type Tracker } from '../../tracker/index.js';
import { findFreezable, type Volume } from '../../volume/index.js';
import { FreezePoints } from './freeze-points.js';
import { mapAtOneMoment, mapQuickly, type ReadMap, rehearseMap } from './map-at-moment.js';
import { writeBack } from './write-back.js';

export interface BeginRequest {
  readonly source: Volume;
  readonly map: MapOptions;
  /** What to do with a map that cannot be trusted: give it with its hazards (default), or use all of the volume. */
  readonly dirty?: 'refuse' | 'copy-all';
  /** Null: as fine as costs little. */
  readonly granularityBytes: number | null;
  readonly maxFreezeMs: number;
  /** Must not lie on the file system: it is written while that is frozen. */
  readonly mustNotFreeze: readonly string[];
  readonly signal: AbortSignal;
}

/** A source that is tracked, and the map of one moment after that began. */
export interface Begun {
  readonly tracker: Tracker;
  readonly map: UsedMap;
  /** How long writers waited for the map. */
  readonly mapFreezeMs: number;
}

/**
 * Starts the tracker, freezes, maps, thaws. Whatever is allocated after the map was read is written
 * after that too, so the tracker sees it. Rejects as startTracker(), freeze() and mapVolume() do.
 */
export async function beginOnline(request: BeginRequest): Promise<Begun> {
  const { source, granularityBytes, maxFreezeMs, mustNotFreeze, signal } = request;
  const { identity } = source;
  const readMap = readMapOf(request);
  // Before anything is loaded into the kernel: the plainest reasons first.
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

/** Where a hazard stands against the map, and the user wants it so, all of the volume is used. */
function readMapOf({ source, map: options, dirty = 'refuse' }: BeginRequest): ReadMap {
  const read = mapQuickly(source.identity, options);
  const readWhole = mapQuickly(source.identity, { ...options, as: 'whole' });
  return async (reader, signal) => {
    const map = await read(reader, signal);
    const isDoubtful = (map.hazards ?? []).length > 0;
    return isDoubtful && dirty === 'copy-all' ? readWhole(reader, signal) : map;
  };
}
