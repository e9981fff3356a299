/** Partitions that claim the same bytes. */

interface Placed {
  readonly index: number;
  readonly start: number;
  readonly length: number;
}

/** For each partition that overlaps another: the index of one that it overlaps. */
export function overlaps(partitions: readonly Placed[]): ReadonlyMap<number, number> {
  const found = new Map<number, number>();
  let farthest: Placed | null = null;
  for (const partition of partitions.toSorted((a, b) => a.start - b.start)) {
    if (farthest !== null && partition.start < farthest.start + farthest.length) {
      found.set(partition.index, farthest.index);
      if (!found.has(farthest.index)) found.set(farthest.index, partition.index);
    }
    const isFarther =
      farthest === null || partition.start + partition.length > farthest.start + farthest.length;
    if (isFarther) farthest = partition;
  }
  return found;
}
