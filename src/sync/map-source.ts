/** What a source has in use. */

import { mapVolume, type MapOptions, type UsedMap } from '../../fsparsers/index.js';
import type { Volume } from '../volume/index.js';

export interface MapRequest {
  readonly map: MapOptions;
  /** What to do where a hazard says that the map cannot be trusted: refuse, or use all of the volume. */
  readonly dirty: 'refuse' | 'copy-all';
  readonly signal: AbortSignal;
}

/** A map, and whatever was started to read it and has to be stopped: a tracker. */
export interface MappedSource extends AsyncDisposable {
  readonly map: UsedMap;
}

/** Maps a source; where a hazard stands against its map, and the user wants it so, all of it is used. */
export async function mapSource(source: Volume, request: MapRequest): Promise<UsedMap> {
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

/** The map of a source that is at rest: nothing has to be stopped afterwards. */
export async function mapAtRest(source: Volume, request: MapRequest): Promise<MappedSource> {
  const map = await mapSource(source, request);
  return { map, [Symbol.asyncDispose]: () => Promise.resolve() };
}
