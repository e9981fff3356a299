/** The map of a volume that no parser reads: every byte is used. */

import type { Signature } from './probe.js';
import type { ByteReader } from './reader.js';
import { MapBuilder, type MapNote, type UsedMap } from './usedmap.js';

/** Everything is `unknown`, hence copied. `signature` names what lies there, where that is known. */
export function wholeMap(
  reader: ByteReader,
  signature: Signature | null,
  notes: readonly MapNote[] = [],
): UsedMap {
  const type = signature?.type ?? 'unknown';
  return {
    deviceBytes: reader.sizeBytes,
    filesystem: {
      type,
      uuid: signature?.uuid ?? null,
      label: signature?.label ?? null,
      blockBytes: 512,
      sizeBytes: signature?.sizeBytes ?? reader.sizeBytes,
      features: [],
      state: 'unknown',
      journal: { state: 'unknown', detail: 'not looked at: the volume is used whole' },
      geometry: {},
    },
    notes,
    ranges: new MapBuilder(reader.sizeBytes).build(),
    locate: () => (type === 'unknown' ? 'unknown' : `${type}, not parsed`),
  };
}
