/** Partitions that claim the same bytes. */

import { endOf, type Extent } from '../extents.js';

interface Placed extends Extent {
  readonly index: number;
}

/** For each partition that overlaps another: the index of one that it overlaps. */
export function overlaps(partitions: readonly Placed[]): ReadonlyMap<number, number> {
  const found = new Map<number, number>();
  let farthest: Placed | null = null;
  for (const partition of partitions.toSorted((a, b) => a.start - b.start)) {
    if (farthest !== null && partition.start < endOf(farthest)) {
      found.set(partition.index, farthest.index);
      if (!found.has(farthest.index)) found.set(farthest.index, partition.index);
    }
    if (farthest === null || endOf(partition) > endOf(farthest)) farthest = partition;
  }
  return found;
}
