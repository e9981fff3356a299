/** The map of a volume that no parser reads: every byte is used. */

import type { Signature } from './probe.js';
import type { ByteReader } from './reader.js';
import { MapBuilder, type MapNote, type UsedMap } from './usedmap.js';

/** The largest page: the header of swap space is one page of the machine that made it. */
const swapHeaderBytes = 65536;

/** Swap space of which only the header is wanted: label, UUID, bad pages. The pages are nobody's data. */
export function swapMap(reader: ByteReader, signature: Signature): UsedMap {
  const builder = new MapBuilder(reader.sizeBytes);
  builder.mark('free', 0, reader.sizeBytes);
  builder.mark('metadata', 0, swapHeaderBytes);
  const whole = wholeMap(reader, signature);
  return {
    ...whole,
    ranges: builder.build(),
    locate: (offsetBytes) => (offsetBytes < swapHeaderBytes ? 'swap header' : 'free'),
  };
}

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
