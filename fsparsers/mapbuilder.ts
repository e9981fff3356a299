/** Builds a used-region map from a parser's marks. Only what nobody claims is free. */

import { Layer } from './layer.js';
import { claimedLayer, GrowingTable, layerOf, type RangeTable, reasons } from './rangetable.js';
import type { Reason } from './reason.js';

/**
 * Collects a parser's marks, in any order and overlapping, into a gapless table of ranges. Unmarked bytes
 * are `unknown`, which counts as used: forgetting a structure can cost time, but never data.
 */
export class MapBuilder {
  readonly #deviceBytes: number;
  readonly #maxRanges: number;
  readonly #layers = reasons.map(() => new Layer());
  #coarseBytes = 0;

  /**
   * `maxRanges` bounds memory on an extremely fragmented (or forged) volume: above it, the smallest free
   * ranges are dropped and copied.
   */
  constructor(deviceBytes: number, maxRanges = 1 << 23) {
    this.#deviceBytes = deviceBytes;
    this.#maxRanges = maxRanges;
  }

  /** The size below which free ranges were dropped to bound memory; 0 if none were. */
  get coarseBytes(): number {
    return this.#coarseBytes;
  }

  /** Marks bytes; clips them to the device. The caller must round free ranges inwards. */
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
   * Checks an owner's claim against free and bad marks: if any of its bytes is free or bad, all of it
   * becomes `data`. Returns how many bytes were free or bad; a byte that two owners claim counts twice.
   * All free and bad ranges must be marked before the first claim. Claims without a contradiction are not
   * stored.
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
      // If the structures are doubtful, the list of bad blocks is no proof either.
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
