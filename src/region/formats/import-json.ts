/** Reads our own JSON maps back. What is not such a file is a typed error. */

import { MapBuilder, type RangeTable, type Reason } from '../../../fsparsers/usedmap.js';
import type { MappedDevice } from './format.js';
import { invalid, isBytes } from './invalid.js';
import { jsonSchema } from './json.js';

export interface ImportedMap {
  readonly device: MappedDevice;
  readonly filesystem: { readonly type: string; readonly uuid: string | null };
  readonly ranges: RangeTable;
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const knownReasons: readonly string[] = [
  'free',
  'unknown',
  'data',
  'outside',
  'journal',
  'metadata',
] satisfies Reason[];

function parseObject(text: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw invalid('fastsync map', (error as Error).message);
  }
  if (!isObject(value) || value.schema !== jsonSchema) {
    throw invalid('fastsync map', `its schema is not "${jsonSchema}"`);
  }
  return value;
}

/**
 * Reads what the `json` format wrote. The ranges must cover the device in order and without gaps.
 * Throws FastsyncError MAP_FILE_INVALID.
 */
export function importJson(text: string): ImportedMap {
  const { device, filesystem, ranges } = parseObject(text);
  const isWhole =
    isObject(device) &&
    typeof device.path === 'string' &&
    isBytes(device.bytes) &&
    isObject(filesystem) &&
    typeof filesystem.type === 'string' &&
    (filesystem.uuid === null || typeof filesystem.uuid === 'string') &&
    Array.isArray(ranges);
  if (!isWhole) throw invalid('fastsync map', 'a field is missing or has the wrong type');
  const { path, bytes } = device as unknown as MappedDevice;
  return {
    device: { path, bytes },
    filesystem: { type: filesystem.type as string, uuid: filesystem.uuid as string | null },
    ranges: importRanges(ranges, bytes),
  };
}

function importRanges(list: readonly unknown[], deviceBytes: number): RangeTable {
  const builder = new MapBuilder(deviceBytes, Infinity);
  let position = 0;
  for (const [index, range] of list.entries()) {
    const isRange =
      isObject(range) &&
      range.start === position &&
      isBytes(range.length) &&
      range.length > 0 &&
      typeof range.reason === 'string' &&
      knownReasons.includes(range.reason) &&
      range.used === (range.reason !== 'free');
    if (!isRange)
      throw invalid('fastsync map', `range ${index} does not follow from the one before`);
    builder.mark(range.reason as Reason, position, range.length as number);
    position += range.length as number;
  }
  if (position !== deviceBytes) {
    throw invalid('fastsync map', `its ranges end at byte ${position} of ${deviceBytes}`);
  }
  return builder.build();
}
