/** The marks of one layer of a map, before the map is built. */

/** One layer's marks: pairs of start and end, kept in order of arrival until the map is built. */
export class Layer {
  #pairs = new Float64Array(64);
  #count = 0;
  #sorted = true;
  /** The result of merged() as long as nothing has changed. */
  #mergedPairs: Float64Array | null = null;
  /** Bytes marked before each of its pairs. */
  #sums: Float64Array | null = null;

  get count(): number {
    return this.#count;
  }

  push(start: number, end: number): void {
    this.#mergedPairs = null;
    this.#sums = null;
    const last = this.#count - 1;
    if (last >= 0) {
      const lastStart = this.#pairs[2 * last] ?? 0;
      const lastEnd = this.#pairs[2 * last + 1] ?? 0;
      if (start >= lastStart && start <= lastEnd) {
        this.#pairs[2 * last + 1] = Math.max(end, lastEnd);
        return;
      }
      if (start < lastStart) this.#sorted = false;
    }
    if (2 * this.#count === this.#pairs.length) {
      const larger = new Float64Array(this.#pairs.length * 2);
      larger.set(this.#pairs);
      this.#pairs = larger;
    }
    this.#pairs[2 * this.#count] = start;
    this.#pairs[2 * this.#count + 1] = end;
    this.#count++;
  }

  /** Sorted, merged pairs of start and end. */
  merged(): Float64Array {
    if (!this.#sorted) this.#sort();
    const pairs = this.#pairs;
    let kept = 0;
    for (let index = 0; index < this.#count; index++) {
      const start = pairs[2 * index] ?? 0;
      const end = pairs[2 * index + 1] ?? 0;
      const previousEnd = kept === 0 ? -1 : (pairs[2 * kept - 1] ?? 0);
      if (kept > 0 && start <= previousEnd) {
        pairs[2 * kept - 1] = Math.max(previousEnd, end);
      } else {
        pairs[2 * kept] = start;
        pairs[2 * kept + 1] = end;
        kept++;
      }
    }
    this.#count = kept;
    this.#mergedPairs = pairs.subarray(0, 2 * kept);
    return this.#mergedPairs;
  }

  /**
   * How much of the span is marked. Uses bisection after a single sort, regardless of the number of marks
   * in the span, so that owners that all claim everything cannot make it slow.
   */
  overlapBytes(start: number, end: number): number {
    const pairs = this.#mergedPairs ?? this.merged();
    const first = firstEndingBehind(pairs, start);
    if (2 * first >= pairs.length || (pairs[2 * first] as number) >= end) return 0;
    return this.#markedBefore(pairs, end) - this.#markedBefore(pairs, start, first);
  }

  #markedBefore(pairs: Float64Array, end: number, first = firstEndingBehind(pairs, end)): number {
    this.#sums ??= sumsOf(pairs);
    const before = this.#sums[first] as number;
    return 2 * first < pairs.length
      ? before + Math.max(0, end - (pairs[2 * first] as number))
      : before;
  }

  /**
   * Drops marks shorter than `minBytes`. Only valid for the free and the bad layer, where dropping marks
   * means copying more.
   */
  dropShorterThan(minBytes: number): void {
    const pairs = this.merged();
    let kept = 0;
    for (let index = 0; index < pairs.length; index += 2) {
      const start = pairs[index] ?? 0;
      const end = pairs[index + 1] ?? 0;
      if (end - start < minBytes) continue;
      pairs[kept++] = start;
      pairs[kept++] = end;
    }
    this.#count = kept / 2;
    this.#mergedPairs = null;
    this.#sums = null;
  }

  /** Joins marks closer than `gapBytes`. Only valid for used layers, where joining means copying more. */
  joinCloserThan(gapBytes: number): void {
    const pairs = this.merged();
    let kept = 0;
    for (let index = 0; index < pairs.length; index += 2) {
      const start = pairs[index] ?? 0;
      const end = pairs[index + 1] ?? 0;
      if (kept > 0 && start - (pairs[kept - 1] ?? 0) < gapBytes) {
        pairs[kept - 1] = end;
      } else {
        pairs[kept++] = start;
        pairs[kept++] = end;
      }
    }
    this.#count = kept / 2;
    this.#mergedPairs = null;
    this.#sums = null;
  }

  #sort(): void {
    const order = new Uint32Array(this.#count).map((_, index) => index);
    order.sort((a, b) => (this.#pairs[2 * a] ?? 0) - (this.#pairs[2 * b] ?? 0));
    const sorted = new Float64Array(2 * this.#count);
    for (const [to, from] of order.entries()) {
      sorted[2 * to] = this.#pairs[2 * from] ?? 0;
      sorted[2 * to + 1] = this.#pairs[2 * from + 1] ?? 0;
    }
    this.#pairs = sorted;
    this.#sorted = true;
  }
}

/** The index of the first sorted pair that ends after the offset; the number of pairs if there is none. */
function firstEndingBehind(pairs: Float64Array, place: number): number {
  let low = 0;
  let high = pairs.length / 2;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((pairs[2 * middle + 1] as number) > place) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Bytes in all pairs before each, and, at the end, in all of them. */
function sumsOf(pairs: Float64Array): Float64Array {
  const sums = new Float64Array(pairs.length / 2 + 1);
  for (let index = 0; index < pairs.length; index += 2) {
    const length = (pairs[index + 1] as number) - (pairs[index] as number);
    sums[index / 2 + 1] = (sums[index / 2] as number) + length;
  }
  return sums;
}
