/** Maps what a source has in use. */

import { mapVolume, type MapOptions, type UsedMap } from '../../fsparsers/index.js';
import type { HostVolume } from '../volume/index.js';

export interface MapRequest {
  readonly map: MapOptions;
  /** What to do where a hazard makes the map untrustworthy: refuse, or use the whole volume. */
  readonly dirty: 'refuse' | 'copy-all';
  readonly signal: AbortSignal;
}

/** A map, and whatever was started to read it and must be stopped: a tracker. */
export interface MappedSource extends AsyncDisposable {
  readonly map: UsedMap;
}

/** Maps a source. Uses the whole volume where a hazard stands against its map and the user asked for that. */
export async function mapSource(source: HostVolume, request: MapRequest): Promise<UsedMap> {
  const { dirty, signal } = request;
  // A file has sectors of 512 bytes, but the disk that it is an image of may have had others.
  const { kind, logicalBlockBytes: sectorBytes } = source.identity;
  const options = { ...request.map, ...(kind === 'block' ? { sectorBytes } : {}) };
  const map = await mapVolume(source.reader, { ...options, signal });
  const isDirty = (map.hazards ?? []).length > 0;
  return isDirty && dirty === 'copy-all'
    ? mapVolume(source.reader, { ...options, as: 'whole', signal })
    : map;
}

/** The map of a source at rest; there is nothing to stop afterwards. */
export async function mapAtRest(source: HostVolume, request: MapRequest): Promise<MappedSource> {
  const map = await mapSource(source, request);
  return { map, [Symbol.asyncDispose]: () => Promise.resolve() };
}
