/** The map of a volume without a parser: every byte is used. */

import type { Signature } from './probe.js';
import type { ByteReader } from './reader.js';
import { badBlocksNote } from './badblocks.js';
import type { Extent } from './extents.js';
import { MapBuilder } from './mapbuilder.js';
import type { MapNote, UsedMap } from './usedmap.js';

/** The largest page: the header of swap space is one page of the machine that made it. */
const swapHeaderBytes = 65536;

/**
 * Swap space: its header (label, UUID, bad pages), and, if `isUsed`, everything except the bad pages. The
 * pages hold no data that a running system needs later.
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
  // With smaller pages, a bad one may lie in the first 64 KiB.
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

/** Everything is `unknown` and therefore copied. `signature` names the content if it is known. */
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
      journal: { state: 'unknown', detail: 'not examined: all of the volume counts as used' },
      geometry: {},
    },
    notes,
    ranges: new MapBuilder(reader.sizeBytes).build(),
    locate: () => (type === 'unknown' ? 'unknown' : `${type}, not parsed`),
  };
}
