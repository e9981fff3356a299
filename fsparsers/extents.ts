/**
 * Sets of byte ranges. Every function takes and returns canonical lists (sorted, without empty or
 * touching extents) unless it says otherwise, runs in one pass, and does not change its arguments.
 */

/** One range of bytes, or of blocks where a parser documents that. */
export interface Extent {
  readonly start: number;
  readonly length: number;
}

/** The first byte after the extent. */
export function endOf({ start, length }: Extent): number {
  return start + length;
}

/**
 * Pairs of start and length. A typed array, because volumes have millions of extents, and because native
 * code can use it directly.
 */
export type ExtentList = Float64Array;

export const emptyExtents: ExtentList = new Float64Array(0);

/** Builds an extent list in ascending order of starts; extents that overlap or touch become one. */
export class ExtentBuilder {
  #pairs = new Float64Array(64);
  #used = 0;
  #end = -1;

  /** Where the last extent ends; -1 before the first. */
  get end(): number {
    return this.#end;
  }

  /** Expected: `start` not below the start of the extent added before. */
  add(start: number, end: number): void {
    if (!(end > start)) return;
    if (start <= this.#end) {
      if (end <= this.#end) return;
      this.#pairs[this.#used - 1] = end - (this.#pairs[this.#used - 2] as number);
    } else {
      if (this.#used === this.#pairs.length) this.#grow();
      this.#pairs[this.#used] = start;
      this.#pairs[this.#used + 1] = end - start;
      this.#used += 2;
    }
    this.#end = end;
  }

  /** The list so far. The builder must not be used afterwards. */
  finish(): ExtentList {
    return this.#used === this.#pairs.length ? this.#pairs : this.#pairs.slice(0, this.#used);
  }

  #grow(): void {
    const larger = new Float64Array(this.#pairs.length * 2);
    larger.set(this.#pairs);
    this.#pairs = larger;
  }
}

/** Iterates over a list's extents; `start` is Infinity after the last one. */
class Cursor {
  readonly #list: ExtentList;
  #at = 0;
  start = 0;
  end = 0;

  constructor(list: ExtentList) {
    this.#list = list;
    this.#load();
  }

  next(): void {
    this.#at += 2;
    this.#load();
  }

  #load(): void {
    this.start = this.#at < this.#list.length ? (this.#list[this.#at] as number) : Infinity;
    this.end =
      this.start + (this.#at < this.#list.length ? (this.#list[this.#at + 1] as number) : 0);
  }
}

/** One extent as a list; empty if it has no length. */
export function extentOf(start: number, lengthBytes: number): ExtentList {
  return lengthBytes > 0 ? Float64Array.of(start, lengthBytes) : emptyExtents;
}

/** Makes any list canonical: it may be unsorted, and its extents may be empty or overlap. */
export function canonical(pairs: ExtentList): ExtentList {
  const count = pairs.length / 2;
  const order = new Uint32Array(count).map((_, index) => index);
  let sorted = true;
  for (let index = 1; index < count; index++) {
    if ((pairs[2 * index] as number) < (pairs[2 * index - 2] as number)) sorted = false;
  }
  if (!sorted) order.sort((a, b) => (pairs[2 * a] as number) - (pairs[2 * b] as number));
  const builder = new ExtentBuilder();
  for (const index of order) {
    const start = pairs[2 * index] as number;
    builder.add(start, start + (pairs[2 * index + 1] as number));
  }
  return builder.finish();
}

/** The ranges in either list. */
export function union(a: ExtentList, b: ExtentList): ExtentList {
  const left = new Cursor(a);
  const right = new Cursor(b);
  const builder = new ExtentBuilder();
  while (left.start !== Infinity || right.start !== Infinity) {
    const first = left.start <= right.start ? left : right;
    builder.add(first.start, first.end);
    first.next();
  }
  return builder.finish();
}

/** The ranges in both lists. */
export function intersect(a: ExtentList, b: ExtentList): ExtentList {
  const left = new Cursor(a);
  const right = new Cursor(b);
  const builder = new ExtentBuilder();
  while (left.start !== Infinity && right.start !== Infinity) {
    builder.add(Math.max(left.start, right.start), Math.min(left.end, right.end));
    if (left.end <= right.end) left.next();
    else right.next();
  }
  return builder.finish();
}

/** The ranges in `a` that are not in `b`. */
export function subtract(a: ExtentList, b: ExtentList): ExtentList {
  const keep = new Cursor(a);
  const hole = new Cursor(b);
  const builder = new ExtentBuilder();
  while (keep.start !== Infinity) {
    let position = keep.start;
    while (hole.end <= position) hole.next();
    while (hole.start < keep.end) {
      builder.add(position, hole.start);
      position = hole.end;
      if (hole.end > keep.end) break; // it reaches into the next extent
      hole.next();
    }
    builder.add(position, keep.end);
    keep.next();
  }
  return builder.finish();
}

/** The parts within `[start, start + lengthBytes)`. */
export function clip(list: ExtentList, start: number, lengthBytes: number): ExtentList {
  return intersect(list, extentOf(start, lengthBytes));
}

/** Joins extents less than `gapBytes` apart. Covers a little more, never less. */
export function coalesce(list: ExtentList, gapBytes: number): ExtentList {
  const builder = new ExtentBuilder();
  let start = 0;
  let end = -Infinity;
  const cursor = new Cursor(list);
  while (cursor.start !== Infinity) {
    if (cursor.start - end >= gapBytes) {
      builder.add(start, end);
      start = cursor.start;
    }
    end = cursor.end;
    cursor.next();
  }
  builder.add(start, end);
  return builder.finish();
}

const leastGapBytes = 128 * 1024;

/**
 * Joins close extents until at most `mostExtents` are left: may cover more, never less. For lists of
 * unlimited length where covering more is harmless.
 */
export function bounded(list: ExtentList, mostExtents: number): ExtentList {
  if (list.length <= 2 * mostExtents) return list;
  let gapBytes = leastGapBytes;
  while (countApart(list, gapBytes) > mostExtents) gapBytes *= 2;
  return coalesce(list, gapBytes);
}

/** How many extents coalesce() would leave, without building them. */
function countApart(list: ExtentList, gapBytes: number): number {
  let count = 0;
  let end = -Infinity;
  for (let at = 0; at < list.length; at += 2) {
    const start = list[at] as number;
    if (start - end >= gapBytes) count++;
    end = start + (list[at + 1] as number);
  }
  return count;
}

/** Rounds each extent outwards to multiples of `alignBytes`, but not past `limitBytes`. */
export function alignOutward(
  list: ExtentList,
  alignBytes: number,
  limitBytes = Infinity,
): ExtentList {
  const builder = new ExtentBuilder();
  const cursor = new Cursor(list);
  while (cursor.start !== Infinity) {
    const start = Math.floor(cursor.start / alignBytes) * alignBytes;
    const end = Math.ceil(cursor.end / alignBytes) * alignBytes;
    builder.add(start, Math.min(end, Math.max(limitBytes, cursor.end)));
    cursor.next();
  }
  return builder.finish();
}

/** Bytes in the list. */
export function totalBytes(list: ExtentList): number {
  let sum = 0;
  for (let index = 1; index < list.length; index += 2) sum += list[index] as number;
  return sum;
}

/** The extents of a list, for loops where speed does not matter. */
export function* eachExtent(list: ExtentList): Generator<Extent> {
  for (let index = 0; index < list.length; index += 2) {
    yield { start: list[index] as number, length: list[index + 1] as number };
  }
}
