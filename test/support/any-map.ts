/** Maps of no volume in particular, for what must hold of every map. */

import fc from 'fast-check';
import { MapBuilder } from '../../fsparsers/mapbuilder.js';
import type { Reason } from '../../fsparsers/reason.js';
import type { UsedMap } from '../../fsparsers/usedmap.js';

export type Mark = readonly [reason: Reason, start: number, length: number];

export function mapOf(deviceBytes: number, marks: readonly Mark[], label = ''): UsedMap {
  const builder = new MapBuilder(deviceBytes);
  for (const [reason, start, length] of marks) builder.mark(reason, start, length);
  return {
    deviceBytes,
    filesystem: {
      type: 'ext4',
      uuid: '8ff8e77f-8553-485e-8656-58be67a81666',
      label,
      blockBytes: 1024,
      sizeBytes: deviceBytes,
      features: ['extents'],
      state: 'clean',
      journal: { state: 'clean', detail: 'empty' },
      geometry: { Groups: 1 },
    },
    notes: [],
    ranges: builder.build(),
    locate: () => 'data',
  };
}

export const anyReason = fc.constantFrom<Reason>(
  'free',
  'unknown',
  'data',
  'bad',
  'outside',
  'journal',
  'metadata',
);

/** Small and huge devices, none at all included. */
export const anyMap: fc.Arbitrary<UsedMap> = fc
  .tuple(
    fc.oneof(fc.nat(5000), fc.integer({ min: 0, max: 2 ** 50 })),
    fc.array(
      fc.tuple(anyReason, fc.oneof(fc.nat(5000), fc.nat()), fc.oneof(fc.nat(999), fc.nat())),
    ),
  )
  .map(([deviceBytes, marks]) => mapOf(deviceBytes, marks));
