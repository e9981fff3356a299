/** The beginning of online work: the tracker first, then a freeze just as long as reading the map takes. */

import { mapVolume, type MapOptions, type UsedMap } from '../../../fsparsers/index.js';
import { fineGranularity, startTracker, type Tracker } from '../../tracker/index.js';
import { findFreezable, freeze, type Volume } from '../../volume/index.js';
import { writeBack } from './write-back.js';

export interface BeginRequest {
  readonly source: Volume;
  readonly map: MapOptions;
  /** What to do with a map that cannot be trusted: give it with its hazards (default), or use all of the volume. */
  readonly dirty?: 'refuse' | 'copy-all';
  /** Null: as fine as costs little. */
  readonly granularityBytes: number | null;
  readonly maxFreezeMs: number;
  /** Must not lie on the file system: it is written while that stands still. */
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
  const { source, granularityBytes } = request;
  // Before anything is loaded into the kernel: the plainest reasons first.
  await findFreezable(source.identity);
  await rehearse(request);
  const tracker = await startTracker(source, {
    granularityBytes: granularityBytes ?? fineGranularity(source.identity.sizeBytes),
  });
  try {
    return { tracker, ...(await mapFrozen(request)) };
  } catch (error) {
    await tracker.stop();
    throw error;
  }
}

/** The map of a mounted file system as it is on the device, at one moment. */
export async function mapFrozen(
  request: BeginRequest,
): Promise<Pick<Begun, 'map' | 'mapFreezeMs'>> {
  const { source, maxFreezeMs, mustNotFreeze, signal } = request;
  await using frozen = await freeze({
    volume: source.identity,
    maxFreezeMs,
    mustNotFreeze,
    signal,
  });
  const map = await mapOf(request, AbortSignal.any([signal, frozen.expired]));
  const { heldMs } = await frozen.thaw();
  return { map, mapFreezeMs: frozen.freezeCallMs + heldMs };
}

/**
 * Reads the map once while everybody goes on writing, and forgets it: the second time, when they wait,
 * the code is compiled and the disk has seen the places. What it finds wrong may be a write in progress.
 */
async function rehearse(request: BeginRequest): Promise<void> {
  const { source, signal } = request;
  await writeBack(source.identity, signal);
  await mapOf(request, signal).catch(() => undefined);
  signal.throwIfAborted();
}

async function mapOf(
  { source, map: given, dirty = 'refuse' }: BeginRequest,
  signal: AbortSignal,
): Promise<UsedMap> {
  const { kind, logicalBlockBytes: sectorBytes } = source.identity;
  const reader = source.directReader;
  const options = {
    ...given,
    writersWait: true,
    ...(kind === 'block' ? { sectorBytes } : {}),
    signal,
  };
  const map = await mapVolume(reader, options);
  const isDoubtful = (map.hazards ?? []).length > 0;
  return isDoubtful && dirty === 'copy-all' ? mapVolume(reader, { ...options, as: 'whole' }) : map;
}
