/** Names what lies at a byte of an NTFS volume. */

import type { RangeTable } from '../rangetable.js';
import type { UsedMap } from '../usedmap.js';
import type { Volume } from './stream.js';
import type { Extent } from './systemfiles.js';

/** `extents` lists what has a name; where several claim a byte, the one that begins last is given, and of two such the shorter one. */
export function locator(
  { boot }: Volume,
  extents: readonly Extent[],
  ranges: RangeTable,
): UsedMap['locate'] {
  const clustersEnd = boot.clusterCount * boot.clusterBytes;
  const named = new ExtentIndex(extents);
  return (offsetBytes) => {
    const extent = named.find(offsetBytes);
    if (extent !== null) return extent.name;
    if (offsetBytes >= clustersEnd) return 'behind the last cluster';
    const { reason } = ranges.find(offsetBytes);
    return reason === 'free' ? 'free cluster' : reason === 'unknown' ? 'unknown' : 'data';
  };
}

/** Extents by start, with the farthest end of all up to each, so that a search need not go back far. */
class ExtentIndex {
  readonly #extents: readonly Extent[];
  readonly #farthestEnds: Float64Array;

  constructor(extents: readonly Extent[]) {
    this.#extents = extents.toSorted((a, b) => a.start - b.start || b.length - a.length);
    let farthest = 0;
    this.#farthestEnds = Float64Array.from(this.#extents, ({ start, length }) => {
      farthest = Math.max(farthest, start + length);
      return farthest;
    });
  }

  find(offsetBytes: number): Extent | null {
    for (let index = this.#lastAtOrBefore(offsetBytes); index >= 0; index--) {
      if ((this.#farthestEnds[index] ?? 0) <= offsetBytes) return null;
      const extent = this.#extents[index];
      if (extent !== undefined && offsetBytes < extent.start + extent.length) return extent;
    }
    return null;
  }

  #lastAtOrBefore(offsetBytes: number): number {
    let low = 0;
    let high = this.#extents.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#extents[middle]?.start ?? Infinity) <= offsetBytes) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}
