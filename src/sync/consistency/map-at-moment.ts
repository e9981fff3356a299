/** The map of a source in use: read at one moment, and before that once for nothing. */

import type { ByteReader } from '../../../fsparsers/reader.js';
import { mapVolume, type MapOptions, type UsedMap } from '../../../fsparsers/index.js';
import type { VolumeIdentity } from '../../volume/index.js';
import { atOneMoment, type ConsistencyPoint, type PointSource } from './point-source.js';

/** Reads the map of what `reader` shows. Rejects when `signal` fires, and as mapVolume() does. */
export type ReadMap = (reader: ByteReader, signal: AbortSignal) => Promise<UsedMap>;

/** Reads the map as it has to be while writers wait. */
export function mapQuickly(
  { kind, logicalBlockBytes: sectorBytes }: VolumeIdentity,
  options: MapOptions,
): ReadMap {
  const sized = kind === 'block' ? { sectorBytes } : {};
  return (reader, signal) => mapVolume(reader, { ...options, ...sized, writersWait: true, signal });
}

/**
 * Reads the map while programs still write, and forgets it: the second time, when they wait, the code is
 * compiled and the disk has cached the blocks. What it finds wrong may be a write in progress.
 */
export async function rehearseMap(
  reader: ByteReader,
  readMap: ReadMap,
  signal: AbortSignal,
): Promise<void> {
  await readMap(reader, signal).catch(() => undefined);
  signal.throwIfAborted();
}

/** The map of one moment. Rejects as the point source and `readMap` do. */
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
