/** What a volume is compared with: another volume, or anything else that tells equal from different. */

import { compare, type CompareResult, type IoOptions, type Job } from '../../engine/index.js';
import type { ExtentList } from '../../region/index.js';
import type { Volume } from '../../volume/index.js';

export interface Comparator {
  /** Lists may be cut only at multiples of this; 1 where anywhere will do. */
  readonly cutBytes: number;
  /**
   * Compares the extents, past the page cache. Ranges that cannot be read are listed as such.
   * `done` rejects with EngineError where a disk fails.
   */
  compare(extents: ExtentList, ioOptions: IoOptions): Job<CompareResult>;
}

/** The smallest thing that a disk can get wrong. Only what differs is looked at so closely. */
const sectorBytes = 512;

/** Compares one volume with another, byte by byte. */
export function volumeComparator(left: Volume, right: Volume): Comparator {
  return {
    cutBytes: 1,
    compare: (extents, ioOptions) =>
      compare({
        ...ioOptions,
        left: left.endpoint,
        right: right.endpoint,
        extents,
        granularityBytes: sectorBytes,
      }),
  };
}
