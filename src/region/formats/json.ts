/**
 * fastsync's own format: the whole map, every byte of the device with the reason why it counts as used or
 * free.
 */

import { isUsed } from '../../../fsparsers/reason.js';
import type { Filesystem, PartitionMap, UsedMap } from '../../../fsparsers/usedmap.js';
import { inPieces, type MappedDevice } from './format.js';

/** The number increases when existing members change their meaning; new members may be added without that. */
const jsonSchema = 'fastsync-map/1';

/** All positions and lengths are in bytes. Each range is on a line of its own. */
export function json(map: UsedMap, device: MappedDevice): Iterable<string> {
  return inPieces(texts(map, device));
}

function* texts(map: UsedMap, device: MappedDevice): Generator<string> {
  const { free, bad, ...used } = map.ranges.totals();
  const opening = JSON.stringify({
    schema: jsonSchema,
    device: { path: device.path, bytes: device.bytes },
    filesystem: filesystemOf(map.filesystem),
    usedBytes: Object.values(used).reduce((sum, bytes) => sum + bytes, 0),
    freeBytes: free,
    ...(bad === 0 ? {} : { badBytes: bad }),
    notes: map.notes,
    ...(map.crossCheck === undefined ? {} : { crossCheck: map.crossCheck }),
    hazards: map.hazards ?? [],
    ...(map.partitions === undefined ? {} : { partitions: map.partitions.map(partitionOf) }),
  });
  yield `${opening.slice(0, -1)},"ranges":[`;
  let separator = '\n';
  for (const { start, length, reason } of map.ranges) {
    yield `${separator}{"start":${start},"length":${length},"used":${isUsed(reason)},"reason":"${reason}"}`;
    separator = ',\n';
  }
  yield '\n]}\n';
}

/** Without `geometry`, whose labels are for people and change. */
function filesystemOf(filesystem: Filesystem) {
  const { type, uuid, label, blockBytes, sizeBytes, features, state, journal } = filesystem;
  return { type, uuid, label, blockBytes, sizeBytes, features, state, journal };
}

function partitionOf(partition: PartitionMap) {
  const { filesystem, ...facts } = partition;
  return { ...facts, filesystem: filesystem === null ? null : filesystemOf(filesystem) };
}
