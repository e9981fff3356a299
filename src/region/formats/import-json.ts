/** Reads fastsync's own JSON maps back, however they were laid out anew in between (jq, for one). */

import { MapBuilder } from '../../../fsparsers/mapbuilder.js';
import type { RangeTable } from '../../../fsparsers/rangetable.js';
import { isUsed, type Reason } from '../../../fsparsers/reason.js';
import type { Chunks, MappedDevice } from './format.js';
import { invalid } from './invalid.js';
import { jsonSchema } from './json.js';
import { RangeLifter } from './lift-ranges.js';

export interface ImportedMap {
  readonly device: MappedDevice;
  readonly filesystem: { readonly type: string; readonly uuid: string | null };
  readonly ranges: RangeTable;
}

type JsonObject = Readonly<Record<string, unknown>>;

/**
 * Reads what the `json` format wrote, from its text; `file` is its name for messages. The ranges must
 * cover the device in order and without gaps, and agree with the sums. Rejects with FastsyncError
 * MAP_FILE_INVALID, which names the line where there is one.
 */
export async function importJson(chunks: Chunks, file: string): Promise<ImportedMap> {
  const ranges = new RangeCollector(file);
  const lifter = new RangeLifter(file, (value, line) => {
    ranges.add(value, line);
  });
  for await (const chunk of chunks) lifter.push(chunk);
  const value = lifter.finish();
  const wrong = (what: string) => wrongAt(file, null, what);
  if (!isObject(value) || value.schema !== jsonSchema) {
    throw wrong(`the file's schema is not "${jsonSchema}"`);
  }
  if (!Array.isArray(value.ranges) || value.ranges.length > 0) {
    throw wrong('the file has no list of ranges of its own');
  }
  const device = deviceOf(value.device);
  if (device === null) throw wrong('the device has no path or no size');
  const filesystem = filesystemOf(value.filesystem);
  if (filesystem === null) throw wrong('the file system has no type or no UUID');
  const table = ranges.build(device.bytes);
  if (table === null) {
    throw wrong(`the ranges end at byte ${ranges.end} of a device of ${device.bytes}`);
  }
  const { freeBytes, badBytes } = ranges;
  if (
    value.freeBytes !== freeBytes ||
    (value.badBytes ?? 0) !== badBytes ||
    value.usedBytes !== ranges.end - freeBytes - badBytes
  ) {
    throw wrong('the sums of used, free and bad bytes are not those of the ranges');
  }
  return { device, filesystem, ranges: table };
}

/** Checks ranges one by one as they come, before the size of the device is known. */
class RangeCollector {
  readonly #file: string;
  readonly #ends: number[] = [];
  readonly #reasons: Reason[] = [];
  end = 0;
  freeBytes = 0;
  badBytes = 0;

  constructor(file: string) {
    this.#file = file;
  }

  add(value: unknown, line: number): void {
    if (!isObject(value)) throw wrongAt(this.#file, line, 'this is no range');
    const { start, length, used, reason } = value;
    if (start !== this.end) {
      throw wrongAt(this.#file, line, `expected a range that starts at byte ${this.end}`);
    }
    if (!isBytes(length) || length === 0 || !isBytes(this.end + length)) {
      throw wrongAt(this.#file, line, 'the length is no number of bytes');
    }
    if (!isReason(reason)) throw wrongAt(this.#file, line, 'the reason is none that there is');
    if (used !== isUsed(reason)) {
      throw wrongAt(this.#file, line, '"used" and "reason" contradict each other');
    }
    this.end += length;
    if (reason === 'free') this.freeBytes += length;
    if (reason === 'bad') this.badBytes += length;
    this.#ends.push(this.end);
    this.#reasons.push(reason);
  }

  /** Null where the ranges are not those of a device of this size. */
  build(deviceBytes: number): RangeTable | null {
    if (this.end !== deviceBytes) return null;
    const builder = new MapBuilder(deviceBytes, Infinity);
    let start = 0;
    for (const [index, end] of this.#ends.entries()) {
      builder.mark(this.#reasons[index] ?? 'unknown', start, end - start);
      start = end;
    }
    return builder.build();
  }
}

function deviceOf(value: unknown): MappedDevice | null {
  if (!isObject(value)) return null;
  const { path, bytes } = value;
  return typeof path === 'string' && isBytes(bytes) ? { path, bytes } : null;
}

function filesystemOf(value: unknown): ImportedMap['filesystem'] | null {
  if (!isObject(value)) return null;
  const { type, uuid } = value;
  if (typeof type !== 'string') return null;
  return uuid === null || typeof uuid === 'string' ? { type, uuid } : null;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A whole number of bytes that a double holds exactly. */
function isBytes(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

const reasonTable: Readonly<Record<Reason, true>> = {
  free: true,
  unknown: true,
  data: true,
  bad: true,
  outside: true,
  journal: true,
  metadata: true,
};

function isReason(value: unknown): value is Reason {
  return typeof value === 'string' && Object.hasOwn(reasonTable, value);
}

function wrongAt(file: string, line: number | null, what: string) {
  return invalid({ file, line }, what, 'give a file as `fastsync map --format json` writes it');
}
