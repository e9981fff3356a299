/** The map of a source in use, read at one moment after a rehearsal while programs still write. */

import type { ByteReader } from '../../../fsparsers/reader.js';
import { mapVolume, type MapOptions, type UsedMap } from '../../../fsparsers/index.js';
import type { VolumeIdentity } from '../../volume/index.js';
import { atOneMoment, type ConsistencyPoint, type PointSource } from './point-source.js';

/** Maps the volume behind `reader`. Rejects when `signal` fires, and as mapVolume() does. */
export type ReadMap = (reader: ByteReader, signal: AbortSignal) => Promise<UsedMap>;

/** Maps with the options for a map that writers wait for. */
export function mapQuickly(
  { kind, logicalBlockBytes: sectorBytes }: VolumeIdentity,
  options: MapOptions,
): ReadMap {
  const sized = kind === 'block' ? { sectorBytes } : {};
  return (reader, signal) => mapVolume(reader, { ...options, ...sized, writersWait: true, signal });
}

/**
 * Reads the map while programs still write, and discards it. When it is read again under the freeze, the
 * code is compiled and the blocks are cached. Errors found here may be writes in progress, so they are
 * ignored.
 */
export async function rehearseMap(
  reader: ByteReader,
  readMap: ReadMap,
  signal: AbortSignal,
): Promise<void> {
  await readMap(reader, signal).catch(() => undefined);
  signal.throwIfAborted();
}

/** Reads the map at one moment. Rejects as the point source and `readMap` do. */
export async function mapAtOneMoment(
  points: PointSource,
  readMap: ReadMap,
  signal: AbortSignal,
): Promise<ConsistencyPoint & { readonly map: UsedMap }> {
  const { result: map, ...point } = await atOneMoment(points, ({ reader, ended }) =>
    readMap(reader, AbortSignal.any([signal, ended])),
  );
  return { map, ...point };
}
