/** What a parser gives back: every byte of the device, with the reason why it is used or free. */

/**
 * `free` and `bad` let a byte be left out of a copy, nothing else does. `bad`: the file system itself
 * lists it as unreadable and keeps nothing there.
 */
export type Reason = 'free' | 'unknown' | 'data' | 'bad' | 'outside' | 'journal' | 'metadata';

/** Whether a byte is to be copied: what is neither proved free nor listed as bad. */
export function isUsed(reason: Reason): boolean {
  return reason !== 'free' && reason !== 'bad';
}

export interface MapRange {
  readonly start: number;
  readonly length: number;
  readonly reason: Reason;
}

export type JournalState =
  | 'none' // this kind of file system has none, or this one was made without
  | 'clean' // nothing in it is newer than the rest of the volume
  | 'replayed' // replayed in memory: the map is the union of before and after
  | 'dirty' // newer than the volume and not replayed: the map is the disk's own, and a hazard says so
  | 'unfollowable' // could not be followed: everything is used
  | 'external' // lies on another device
  | 'unknown'; // nobody looked: the volume is used whole

export interface Filesystem {
  /** As blkid names it: ext2, ext3, ext4, xfs, ntfs, ... */
  readonly type: string;
  readonly uuid: string | null;
  readonly label: string | null;
  readonly blockBytes: number;
  /** What the file system says of its own size; the device may be larger. */
  readonly sizeBytes: number;
  readonly features: readonly string[];
  /**
   * `dirty`: not cleanly unmounted, or mounted now. `errors`: the file system has recorded damage.
   * `unknown`: nobody looked, because the volume is used whole.
   */
  readonly state: 'clean' | 'dirty' | 'errors' | 'unknown';
  readonly journal: { readonly state: JournalState; readonly detail: string };
  /** More of the geometry, for people: label to value, in the order to print. */
  readonly geometry: Readonly<Record<string, string | number>>;
}

/** Something a user should know about the map; `warning` where it costs exactness. */
export interface MapNote {
  readonly severity: 'info' | 'warning';
  readonly code: string;
  readonly message: string;
}

/** Stable and greppable. */
export type HazardCode =
  'NTFS_DIRTY' | 'NTFS_LOG_UNCLEAN' | 'NTFS_HIBERNATED' | 'NTFS_FAST_STARTUP';

/**
 * A state in which the disk may be older than what its owner holds elsewhere (a log, a hibernated
 * session), so that the map cannot be trusted as it stands. Whoever uses the map refuses, one refusal
 * and one override for each code, or takes everything as used.
 */
export interface Hazard {
  readonly code: HazardCode;
  /** What was found, where: one sentence without a full stop. */
  readonly message: string;
}

/** One partition of a whole disk, and what was found in it. */
export interface PartitionMap {
  /** As the kernel numbers it: 1 to 4 for primary, from 5 for logical partitions of an MBR. */
  readonly index: number;
  /** In bytes on the whole disk. */
  readonly start: number;
  readonly length: number;
  /** GPT: the type's GUID in upper case; MBR: the type byte in hexadecimal ("83"). */
  readonly type: string;
  readonly typeName: string | null;
  readonly name: string | null;
  readonly uuid: string | null;
  /** Null where no parser made a map: then the partition is used whole, and `problem` says why. */
  readonly filesystem: Filesystem | null;
  readonly problem: string | null;
}

/** Whether what the allocation structures call free was held against who owns blocks. */
export interface CrossCheck {
  /** `partial`: some owners could not be read. `skipped`: not asked for, too costly, or there are no owners to ask. */
  readonly state: 'done' | 'partial' | 'skipped';
  /** Which owners were read ("inodes", "reverse-mapping trees", "$MFT"), or why none were. */
  readonly detail: string;
  /** What was called free although something owns it. It counts as used. */
  readonly contradictedBytes: number;
}

export interface UsedMap {
  readonly deviceBytes: number;
  readonly filesystem: Filesystem;
  readonly notes: readonly MapNote[];
  /** Absent where no parser made the map, or the parser has no allocation structures to check. */
  readonly crossCheck?: CrossCheck;
  /** Absent means none. */
  readonly hazards?: readonly Hazard[];
  /** Of a whole disk only. `filesystem` then describes the partition table. */
  readonly partitions?: readonly PartitionMap[];
  /** Covers the whole device in order, without gaps; neighbours differ in reason. */
  readonly ranges: RangeTable;
  /** Names what lies at a byte: "group 3 inode table", "superblock", "data". */
  locate(offsetBytes: number): string;
}

const reasons: readonly Reason[] = [
  'unknown',
  'free',
  'unknown',
  'data',
  'bad',
  'data',
  'outside',
  'journal',
  'metadata',
];

/**
 * Painting order. A later layer covers an earlier one, so a byte is free only if a parser proved it
 * free and nothing whatever claimed it.
 */
const layerOf: Readonly<Record<Reason, number>> = {
  free: 1,
  unknown: 2,
  data: 3,
  bad: 4,
  outside: 6,
  journal: 7,
  metadata: 8,
};

/** What has an owner is `data`, whatever the lists of free and bad blocks say. */
const claimedLayer = 5;

/** An ordered, gapless table of ranges in typed arrays: 9 bytes a range, whatever the device. */
export class RangeTable {
  readonly #ends: Float64Array;
  readonly #layers: Uint8Array;

  constructor(ends: Float64Array, layers: Uint8Array) {
    this.#ends = ends;
    this.#layers = layers;
  }

  get length(): number {
    return this.#ends.length;
  }

  at(index: number): MapRange {
    const end = this.#ends[index];
    const layer = this.#layers[index];
    if (end === undefined || layer === undefined) {
      throw new RangeError(`no range ${index} in a table of ${this.length}`);
    }
    const start = index === 0 ? 0 : (this.#ends[index - 1] ?? 0);
    return { start, length: end - start, reason: reasons[layer] ?? 'unknown' };
  }

  *[Symbol.iterator](): Generator<MapRange> {
    for (let index = 0; index < this.length; index++) yield this.at(index);
  }

  /** The range that holds the byte, by bisection. */
  find(offsetBytes: number): MapRange {
    let low = 0;
    let high = this.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#ends[middle] ?? Infinity) > offsetBytes) high = middle;
      else low = middle + 1;
    }
    return this.at(low);
  }

  /** Bytes by reason; reasons that do not occur are 0. */
  totals(): Record<Reason, number> {
    const sum: Record<Reason, number> = {
      free: 0,
      unknown: 0,
      data: 0,
      bad: 0,
      outside: 0,
      journal: 0,
      metadata: 0,
    };
    for (const { length, reason } of this) sum[reason] += length;
    return sum;
  }
}

/** One layer's marks: pairs of start and end, kept in order of arrival until the map is built. */
class Layer {
  #pairs = new Float64Array(64);
  #count = 0;
  #sorted = true;
  /** What merged() gave, for as long as nothing changed since. */
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
   * How much of the span is marked. Cost: bisections, after one sort, however many marks lie in the span:
   * owners that all claim everything must not take for ever.
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

  /** Forgets marks shorter than `minBytes`. Only the free and the bad layer may: forgetting these means copying more. */
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

  /** Joins marks closer than `gapBytes`. Only used layers may: joining means copying more. */
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

/** The first of the sorted pairs that ends behind the place; the number of pairs where none does. */
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

/**
 * Collects a parser's marks, in any order and overlapping, into a gapless table of ranges. What
 * nobody marks is `unknown`, hence used: forgetting a structure can cost time, never a byte.
 */
export class MapBuilder {
  readonly #deviceBytes: number;
  readonly #maxRanges: number;
  readonly #layers = reasons.map(() => new Layer());
  #coarseBytes = 0;

  /**
   * `maxRanges` bounds memory on a volume fragmented beyond reason (or beyond truth): past it the
   * smallest free ranges are given up and copied.
   */
  constructor(deviceBytes: number, maxRanges = 1 << 23) {
    this.#deviceBytes = deviceBytes;
    this.#maxRanges = maxRanges;
  }

  /** The size below which free ranges were given up to bound memory; 0 if none were. */
  get coarseBytes(): number {
    return this.#coarseBytes;
  }

  /** Marks bytes; what lies outside the device is cut off. Free ranges must be rounded inwards by the caller. */
  mark(reason: Reason, start: number, length: number): void {
    this.#mark(layerOf[reason], start, length);
  }

  #mark(index: number, start: number, length: number): void {
    const from = Math.max(0, start);
    const to = Math.min(this.#deviceBytes, start + length);
    if (!(to > from)) return;
    const layer = this.#layer(index);
    layer.push(from, to);
    if (layer.count > this.#maxRanges) this.#coarsen();
  }

  /**
   * Holds what an owner claims against what is marked free or bad: where any of it is, all of it becomes
   * `data`. Returns how many bytes were free or bad; a byte that two owners claim counts twice. All such
   * ranges must be marked before the first claim. Keeps nothing of a claim that contradicts nothing.
   */
  claim(start: number, length: number): number {
    const overlapBytes = (reason: Reason): number =>
      this.#layer(layerOf[reason]).overlapBytes(start, start + length);
    const contradictedBytes = overlapBytes('free') + overlapBytes('bad');
    if (contradictedBytes > 0) this.#mark(claimedLayer, start, length);
    return contradictedBytes;
  }

  build(): RangeTable {
    const marked = [...this.#layers.entries()]
      .map(([layer, marks]) => ({ layer, list: marks.merged(), cursor: 0 }))
      .filter(({ list }) => list.length > 0);
    const ends = new GrowingTable();
    let position = 0;
    while (position < this.#deviceBytes) {
      let top: number = layerOf.unknown;
      let next = this.#deviceBytes;
      let isDoubted = false;
      for (const marks of marked) {
        const { list } = marks;
        while (marks.cursor < list.length && (list[marks.cursor + 1] as number) <= position) {
          marks.cursor += 2;
        }
        if (marks.cursor >= list.length) continue;
        const start = list[marks.cursor] as number;
        const boundary = start > position ? start : (list[marks.cursor + 1] as number);
        if (start <= position) {
          top = marks.layer;
          isDoubted ||= top === layerOf.unknown;
        }
        if (boundary < next) next = boundary;
      }
      // Where the structures are in doubt, the list of bad blocks is no proof either.
      ends.push(next, isDoubted && top === layerOf.bad ? layerOf.unknown : top);
      position = next;
    }
    return ends.finish();
  }

  #layer(index: number): Layer {
    const layer = this.#layers[index];
    if (layer === undefined) throw new RangeError(`no layer ${index}`);
    return layer;
  }

  #coarsen(): void {
    while (this.#layers.some((layer) => layer.count > this.#maxRanges / 2)) {
      this.#coarseBytes = this.#coarseBytes === 0 ? 8192 : this.#coarseBytes * 2;
      for (const [index, layer] of this.#layers.entries()) {
        if (index === layerOf.free || index === layerOf.bad)
          layer.dropShorterThan(this.#coarseBytes);
        else layer.joinCloserThan(this.#coarseBytes);
      }
    }
  }
}

class GrowingTable {
  #ends = new Float64Array(64);
  #layers = new Uint8Array(64);
  #count = 0;

  push(end: number, layer: number): void {
    if (this.#count > 0 && this.#layers[this.#count - 1] === layer) {
      this.#ends[this.#count - 1] = end;
      return;
    }
    if (this.#count === this.#ends.length) {
      const ends = new Float64Array(this.#count * 2);
      const layers = new Uint8Array(this.#count * 2);
      ends.set(this.#ends);
      layers.set(this.#layers);
      this.#ends = ends;
      this.#layers = layers;
    }
    this.#ends[this.#count] = end;
    this.#layers[this.#count] = layer;
    this.#count++;
  }

  finish(): RangeTable {
    return new RangeTable(this.#ends.slice(0, this.#count), this.#layers.slice(0, this.#count));
  }
}
