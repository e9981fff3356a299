/** Mapping pairs: where the clusters of a stream lie. */

import { ParseError, type ParseErrorPlace } from '../errors.js';
import type { NonResidentAttribute } from './record.js';

/** Consecutive clusters of a stream: `lcn` is their place on the volume, or null in a hole. */
export interface Run {
  readonly vcn: number;
  readonly lcn: number | null;
  readonly count: number;
}

const hole = -1;

/** The runs of a stream in order, from virtual cluster 0 on, without gaps. */
export class RunList {
  readonly #vcns: number[] = [];
  readonly #lcns: number[] = [];
  #clusterCount = 0;

  /** How many clusters the stream has, holes included. */
  get clusterCount(): number {
    return this.#clusterCount;
  }

  append(lcn: number | null, count: number): void {
    this.#vcns.push(this.#clusterCount);
    this.#lcns.push(lcn ?? hole);
    this.#clusterCount += count;
  }

  /** The runs from the one that holds virtual cluster `vcn`, by bisection. */
  *from(vcn: number): Generator<Run> {
    let low = 0;
    let high = this.#vcns.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((this.#vcns[middle] ?? Infinity) <= vcn) low = middle;
      else high = middle - 1;
    }
    for (let index = low; index < this.#vcns.length; index++) {
      const start = this.#vcns[index] ?? 0;
      const lcn = this.#lcns[index] ?? hole;
      const end = this.#vcns[index + 1] ?? this.#clusterCount;
      yield { vcn: start, lcn: lcn === hole ? null : lcn, count: end - start };
    }
  }

  [Symbol.iterator](): Generator<Run> {
    return this.from(0);
  }
}

/** A number of up to 8 bytes, little endian; rounded past 2^53, where every bounds check refuses it. */
function decodeNumber(bytes: Uint8Array, at: number, width: number, signed: boolean): number {
  let value = 0;
  for (let byte = width - 1; byte >= 0; byte--) value = value * 256 + (bytes[at + byte] ?? 0);
  const isNegative = signed && ((bytes[at + width - 1] ?? 0) & 0x80) !== 0;
  return isNegative ? value - 256 ** width : value;
}

export interface RunLimits {
  readonly boot: { readonly clusterCount: number };
  readonly budget: { readonly runs: number };
}

/**
 * Decodes mapping pairs, run by run: `lcn` is null in a hole. Gives back how many clusters they are.
 * Throws what `corrupt` makes where they cannot be pairs, or a run leaves the volume.
 */
export function visitRuns(
  pairs: Uint8Array,
  volumeClusters: number,
  corrupt: (what: string) => ParseError,
  visit: (lcn: number | null, count: number) => void,
): number {
  let clusters = 0;
  let lcn = 0;
  for (let at = 0; ;) {
    const head = pairs[at];
    if (head === undefined) throw corrupt('no end in the mapping pairs');
    if (head === 0) return clusters;
    const countWidth = head & 15;
    const lcnWidth = head >> 4;
    if (countWidth < 1 || countWidth > 8 || lcnWidth > 8) {
      throw corrupt(`the widths ${head} in the mapping pairs`);
    }
    if (at + 1 + countWidth + lcnWidth > pairs.length) {
      throw corrupt('an overrun in the mapping pairs');
    }
    const count = decodeNumber(pairs, at + 1, countWidth, true);
    lcn += decodeNumber(pairs, at + 1 + countWidth, lcnWidth, true);
    at += 1 + countWidth + lcnWidth;
    const isHole = lcnWidth === 0;
    if (count < 1 || clusters + count > Number.MAX_SAFE_INTEGER) {
      throw corrupt(`a run of ${count} clusters in the mapping pairs`);
    }
    if (!isHole && (lcn < 0 || lcn + count > volumeClusters)) {
      throw corrupt(
        `a run of ${count} clusters at ${lcn} of ${volumeClusters} in the mapping pairs`,
      );
    }
    clusters += count;
    visit(isHole ? null : lcn, count);
  }
}

/**
 * Appends the runs of one piece of an attribute, which must go on where `runs` ends. Gives back how
 * many runs these were.
 * @throws ParseError CORRUPT where the piece has another place, or a run leaves the volume.
 */
export function appendRuns(
  runs: RunList,
  piece: NonResidentAttribute,
  limits: RunLimits,
  place: ParseErrorPlace,
): number {
  const corrupt = (what: string): ParseError => new ParseError('CORRUPT', what, place);
  if (piece.lowestVcn !== runs.clusterCount) {
    throw corrupt(
      `cluster ${runs.clusterCount} is missing, ${piece.lowestVcn} comes next in the mapping pairs`,
    );
  }
  let appended = 0;
  visitRuns(piece.mappingPairs, limits.boot.clusterCount, corrupt, (lcn, count) => {
    if (++appended > limits.budget.runs) {
      throw new ParseError('UNSUPPORTED', 'fragmented beyond reason', place);
    }
    runs.append(lcn, count);
  });
  if (!keepsPromise(piece.highestVcn, runs.clusterCount)) {
    throw corrupt(
      `${runs.clusterCount} clusters instead of ${piece.highestVcn + 1} in the mapping pairs`,
    );
  }
  return appended;
}

/** Whether an attribute's pieces up to one with that `highestVcn` have so many clusters. */
export function keepsPromise(highestVcn: number, clusterCount: number): boolean {
  // An empty stream ends at cluster -1, which is 2^64 - 1 here.
  const isEmpty = clusterCount === 0 && highestVcn + 1 >= 2 ** 64;
  return highestVcn + 1 === clusterCount || isEmpty;
}
