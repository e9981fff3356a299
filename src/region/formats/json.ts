/**
 * Our own format: everything that the map knows, for programs. The schema's name changes when the
 * meaning of a field does; new fields may come at any time.
 */

import type { UsedMap } from '../../../fsparsers/usedmap.js';
import { inChunks, type MappedDevice } from './format.js';

export const jsonSchema = 'fastsync-map-1';

/**
 * One JSON object: schema, device, filesystem, usedBytes, freeBytes, notes, and last the ranges, which
 * cover the device in order, one to a line. All figures are bytes.
 */
export function json(map: UsedMap, device: MappedDevice): Iterable<string> {
  return inChunks(pieces(map, device));
}

function* pieces({ filesystem, notes, ranges }: UsedMap, device: MappedDevice): Generator<string> {
  const freeBytes = ranges.totals().free;
  const head = {
    schema: jsonSchema,
    device: { path: device.path, bytes: device.bytes },
    filesystem,
    usedBytes: device.bytes - freeBytes,
    freeBytes,
    notes,
  };
  yield `${JSON.stringify(head, null, 2).slice(0, -2)},\n  "ranges": [`;
  let separator = '\n';
  for (const { start, length, reason } of ranges) {
    const used = reason !== 'free';
    yield `${separator}    {"start": ${start}, "length": ${length}, "used": ${used}, "reason": "${reason}"}`;
    separator = ',\n';
  }
  yield '\n  ]\n}\n';
}
