/** Names what lies at a byte of an NTFS volume. */

import type { RangeTable, UsedMap } from '../usedmap.js';
import type { Volume } from './stream.js';
import type { Extent } from './systemfiles.js';

/** `extents` lists what has a name; where two claim a byte, the first one in the list is given. */
export function locator(
  { boot }: Volume,
  extents: readonly Extent[],
  ranges: RangeTable,
): UsedMap['locate'] {
  const clustersEnd = boot.clusterCount * boot.clusterBytes;
  return (offsetBytes) => {
    const extent = extents.find(
      ({ start, length }) => offsetBytes >= start && offsetBytes < start + length,
    );
    if (extent !== undefined) return extent.name;
    if (offsetBytes >= clustersEnd) return 'behind the last cluster';
    const { reason } = ranges.find(offsetBytes);
    return reason === 'free' ? 'free cluster' : reason === 'unknown' ? 'unknown' : 'data';
  };
}
