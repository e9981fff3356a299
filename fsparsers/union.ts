/** The map of a volume that is read as several things at once: a byte is used if any of them uses it. */

import { joinCrossChecks } from './crosscheck.js';
import { MapBuilder } from './mapbuilder.js';
import type { UsedMap } from './usedmap.js';

/** Joins the maps of one device (at least one). A byte is free only if all maps say so. */
export function unionOf(maps: readonly UsedMap[]): UsedMap {
  const [first] = maps;
  if (first === undefined) throw new RangeError('Expected at least one map, got none');
  const builder = new MapBuilder(first.deviceBytes);
  // Every used layer covers the free one, and a byte that no map marks free is not free here
  // either. A byte that one map marks bad may be in use by another.
  for (const { ranges } of maps) {
    for (const { start, length, reason } of ranges) {
      builder.mark(reason === 'bad' ? 'free' : reason, start, length);
    }
  }
  const crossCheck = joinCrossChecks(
    maps.map((map) => ({ name: map.filesystem.type, crossCheck: map.crossCheck })),
  );
  const types = maps.map(({ filesystem }) => filesystem.type).join('+');
  return {
    deviceBytes: first.deviceBytes,
    filesystem: { ...first.filesystem, type: types },
    notes: [
      {
        severity: 'warning',
        code: 'UNION',
        message: `the volume is read as all of ${types}: a byte counts as used if any of them uses it`,
      },
      ...maps.flatMap(({ notes }) => notes),
    ],
    ...(crossCheck === undefined ? {} : { crossCheck }),
    hazards: maps.flatMap(({ hazards }) => hazards ?? []),
    ranges: builder.build(),
    locate: (offsetBytes) =>
      maps.map((map) => `${map.filesystem.type}: ${map.locate(offsetBytes)}`).join(', '),
  };
}
