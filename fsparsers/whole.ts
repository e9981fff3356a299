/** The map of a volume that no parser reads: every byte is used. */

import type { Signature } from './probe.js';
import type { ByteReader } from './reader.js';
import { badBlocksNote } from './badblocks.js';
import type { Extent } from './extents.js';
import { MapBuilder } from './mapbuilder.js';
import type { MapNote, UsedMap } from './usedmap.js';

/** The largest page: the header of swap space is one page of the machine that made it. */
const swapHeaderBytes = 65536;

/**
 * Swap space: its header (label, UUID, bad pages), and, where `isUsed`, all else but the bad pages. Of a
 * system that is awake the pages are nobody's data.
 */
export function swapMap(
  reader: ByteReader,
  signature: Signature,
  notes: readonly MapNote[],
  isUsed: boolean,
  bad: readonly Extent[],
): UsedMap {
  const builder = new MapBuilder(reader.sizeBytes);
  if (!isUsed) builder.mark('free', 0, reader.sizeBytes);
  for (const { start, length } of bad) builder.mark('bad', start, length);
  // Where the pages are smaller, a bad one may lie in the first 64 KiB.
  const headerBytes = bad.reduce((least, { start }) => Math.min(least, start), swapHeaderBytes);
  builder.mark('metadata', 0, headerBytes);
  const badBytes = bad.reduce((sum, { length }) => sum + length, 0);
  const badNotes = badBytes === 0 ? [] : [badBlocksNote('the swap header', badBytes)];
  const whole = wholeMap(reader, signature, [...notes, ...badNotes]);
  return {
    ...whole,
    ranges: builder.build(),
    locate: (offsetBytes) =>
      offsetBytes < swapHeaderBytes ? 'swap header' : isUsed ? 'swap space' : 'free',
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
