/** Every number that goes down to native code is looked at here; native code trusts it. */

import type { IoOptions, ExtentList } from './types.js';

const KiB = 1024;
const MiB = 1024 * KiB;
const GiB = 1024 * MiB;
const largest = Number.MAX_SAFE_INTEGER;

interface Range {
  readonly least: number;
  readonly most: number;
  readonly multipleOf?: number;
}

/** `value` if it is a whole number within `range`; RangeError with a sentence otherwise. */
export function wholeNumber(name: string, value: number, range: Range): number {
  const { least, most, multipleOf = 1 } = range;
  if (Number.isInteger(value) && value >= least && value <= most && value % multipleOf === 0) {
    return value;
  }
  const steps = multipleOf === 1 ? 'a whole number' : `a multiple of ${multipleOf}`;
  throw new RangeError(`Expected ${name} to be ${steps} from ${least} to ${most}, got ${value}`);
}

/** `value` if it is a power of two within `range`; RangeError otherwise. */
export function powerOfTwo(name: string, value: number, range: Range): number {
  wholeNumber(name, value, range);
  if (Number.isInteger(Math.log2(value))) return value;
  throw new RangeError(`Expected ${name} to be a power of two, got ${value}`);
}

/** A number of bytes that may be any size. */
export function byteCount(name: string, value: number): number {
  return wholeNumber(name, value, { least: 0, most: largest });
}

/** A file descriptor. */
export function descriptor(name: string, value: number): number {
  return wholeNumber(name, value, { least: 0, most: 2 ** 31 - 1 });
}

/** The options of {@link IoOptions}, defaults filled in. */
export function ioOptionsOf(ioOptions: IoOptions): Required<IoOptions> {
  const backend = ioOptions.backend ?? 'auto';
  if (!['auto', 'uring', 'threads'].includes(backend)) {
    throw new RangeError(`Expected backend to be auto, uring or threads, got ${backend}`);
  }
  const chunk = { least: 4 * KiB, most: 64 * MiB, multipleOf: 4 * KiB };
  const memory = { least: MiB, most: GiB, multipleOf: 4 * KiB };
  return {
    backend,
    chunkBytes: wholeNumber('chunkBytes', ioOptions.chunkBytes ?? MiB, chunk),
    queueDepth: wholeNumber('queueDepth', ioOptions.queueDepth ?? 32, { least: 1, most: 1024 }),
    inFlightBytes: wholeNumber('inFlightBytes', ioOptions.inFlightBytes ?? 64 * MiB, memory),
    bytesPerSecond: byteCount('bytesPerSecond', ioOptions.bytesPerSecond ?? 0),
  };
}

function rangeOrder(extents: ExtentList): Uint32Array {
  const order = Uint32Array.from({ length: extents.length / 2 }, (_, index) => index);
  return order.sort((a, b) => (extents[2 * a] as number) - (extents[2 * b] as number));
}

function refuseOverlap(extents: ExtentList): void {
  let end = 0;
  let sorted = true;
  for (let i = 0; i < extents.length && sorted; i += 2) {
    sorted = (extents[i] as number) >= end;
    end = (extents[i] as number) + (extents[i + 1] as number);
  }
  if (sorted) return;
  end = 0;
  for (const index of rangeOrder(extents)) {
    const start = extents[2 * index] as number;
    if (start < end) {
      throw new RangeError(`Expected extents that do not overlap, got two that hold byte ${start}`);
    }
    end = start + (extents[2 * index + 1] as number);
  }
}

/**
 * Checks a work list: pairs of whole numbers, none overlapping another, nothing beyond `sizeBytes`.
 * Returns its total length in bytes.
 */
export function extentBytes(extents: ExtentList, sizeBytes: number): number {
  if (!(extents instanceof Float64Array) || extents.length % 2 !== 0) {
    throw new TypeError('Expected extents to be a Float64Array of pairs of start and length');
  }
  let total = 0;
  for (let i = 0; i < extents.length; i += 2) {
    const start = byteCount('an extent’s start', extents[i] as number);
    const length = byteCount('an extent’s length', extents[i + 1] as number);
    if (start + length > sizeBytes) {
      throw new RangeError(
        `Expected extents within ${sizeBytes} bytes, got one from ${start} to ${start + length}`,
      );
    }
    total += length;
  }
  refuseOverlap(extents);
  return total;
}
