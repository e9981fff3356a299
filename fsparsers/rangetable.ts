/** The ranges of a map in typed arrays, and the order in which reasons cover each other. */

import type { MapRange, Reason } from './reason.js';

export const reasons: readonly Reason[] = [
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
 * The order of the layers. A later layer covers an earlier one, so a byte is free only if a parser proved
 * it free and nothing claimed it.
 */
export const layerOf: Readonly<Record<Reason, number>> = {
  free: 1,
  unknown: 2,
  data: 3,
  bad: 4,
  outside: 6,
  journal: 7,
  metadata: 8,
};

/** A byte with an owner is `data`, regardless of the lists of free and bad blocks. */
export const claimedLayer = 5;

/** An ordered, gapless table of ranges in typed arrays: 9 bytes per range. */
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

/** Builds a table from its beginning on; neighbours of one layer become one range. */
export class GrowingTable {
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
