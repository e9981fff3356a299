/** Splits extents at the boundaries of a grid: into cells, and into batches of work. */

import { ExtentBuilder, type ExtentList } from '../region/index.js';
import { fanOut } from './format.js';

const batchBytes = 4 * 1024 ** 3;
const leastBatchCells = 16 * fanOut;

/** A cell that the extents cover at least in part. */
export interface CoveredCell {
  readonly cell: number;
  /** The part of the extents that lies in the cell. */
  readonly coverage: ExtentList;
}

/** Throws RangeError for a list that is not canonical, or that passes `sizeBytes`. */
export function requireCanonical(extents: ExtentList, sizeBytes: number): void {
  let end = -1;
  for (let i = 0; i < extents.length; i += 2) {
    const start = extents[i] as number;
    const length = extents[i + 1] as number;
    const fits = Number.isSafeInteger(start) && Number.isSafeInteger(length) && length > 0;
    if (!fits || start <= end || start + length > sizeBytes) {
      throw new RangeError(
        `Expected sorted extents that neither touch nor pass ${sizeBytes} bytes, got ${length} bytes at ${start}`,
      );
    }
    end = start + length;
  }
}

/** The cells that canonical `extents` touch, ascending. */
export function* coveredCells(extents: ExtentList, cellBytes: number): Generator<CoveredCell> {
  let cell = -1;
  let pairs: number[] = [];
  for (let i = 0; i < extents.length; i += 2) {
    const end = (extents[i] as number) + (extents[i + 1] as number);
    for (let start = extents[i] as number; start < end;) {
      const here = Math.floor(start / cellBytes);
      if (here !== cell) {
        if (cell >= 0) yield { cell, coverage: Float64Array.from(pairs) };
        cell = here;
        pairs = [];
      }
      const stop = Math.min(end, (cell + 1) * cellBytes);
      pairs.push(start, stop - start);
      start = stop;
    }
  }
  if (cell >= 0) yield { cell, coverage: Float64Array.from(pairs) };
}

/**
 * Splits canonical `extents` into batches whose digests fit in memory. Every batch ends where a leaf of
 * the manifest ends.
 */
export function* leafBatches(extents: ExtentList, cellBytes: number): Generator<ExtentList> {
  const leafBytes = cellBytes * fanOut;
  const mostCells = Math.max(leastBatchCells, batchBytes / cellBytes);
  let builder = new ExtentBuilder();
  let cells = 0;
  let limit = Infinity;
  for (let i = 0; i < extents.length; i += 2) {
    const end = (extents[i] as number) + (extents[i + 1] as number);
    for (let start = extents[i] as number; start < end;) {
      if (start >= limit) {
        yield builder.finish();
        builder = new ExtentBuilder();
        cells = 0;
        limit = Infinity;
      }
      // Split at leaves. A cell may be counted twice, which only makes batches smaller.
      const stop = Math.min(end, (Math.floor(start / leafBytes) + 1) * leafBytes);
      builder.add(start, stop);
      cells += Math.ceil(stop / cellBytes) - Math.floor(start / cellBytes);
      if (cells >= mostCells && limit === Infinity) limit = Math.ceil(stop / leafBytes) * leafBytes;
      start = stop;
    }
  }
  const last = builder.finish();
  if (last.length > 0) yield last;
}
