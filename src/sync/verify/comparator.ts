/** What a volume is compared with: another volume, its digests, or a manifest. */

import { compare, type CompareResult, type IoOptions, type Job } from '../../engine/index.js';
import type { ExtentList } from '../../region/index.js';
import type { HostVolume } from '../../volume/index.js';

export interface Comparator {
  /** Lists may be split only at multiples of this; 1: anywhere. */
  readonly cutBytes: number;
  /**
   * Compares the extents, past the page cache. The result lists ranges that cannot be read. `done`
   * rejects with EngineError where a disk fails.
   */
  compare(extents: ExtentList, ioOptions: IoOptions): Job<CompareResult>;
}

/** The smallest unit that a disk can get wrong. Only ranges that differ are compared this finely. */
const sectorBytes = 512;

/** Compares one volume with another, byte by byte. */
export function volumeComparator(left: HostVolume, right: HostVolume): Comparator {
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
