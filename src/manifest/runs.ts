/** Encodes which bytes of partly covered cells are covered: counts, gaps and lengths as varints. */

import type { ExtentList } from '../region/index.js';

/** Unsigned LEB128: seven bits a byte, the lowest first, the top bit where more follow. */
function pushNumber(bytes: number[], value: number): void {
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  bytes.push(rest);
}

/** Appends the runs of one cell: their count, then the gap before each run and its length. */
export function pushRuns(bytes: number[], coverage: ExtentList, cellStart: number): void {
  pushNumber(bytes, coverage.length / 2);
  let end = cellStart;
  for (let i = 0; i < coverage.length; i += 2) {
    const start = coverage[i] as number;
    const length = coverage[i + 1] as number;
    pushNumber(bytes, start - end);
    pushNumber(bytes, length);
    end = start + length;
  }
}

const mostDigits = 4; // 28 bits: more than the largest cell

/** Reads runs back. Every method gives null where the bytes are not what pushRuns() would write. */
export class RunReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  #number(): number | null {
    let value = 0;
    for (let digit = 0; digit < mostDigits; digit++) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) return null;
      value += (byte & 0x7f) * 0x80 ** digit;
      // Every number has exactly one encoding: the last of several bytes is not zero.
      if (byte < 0x80) return digit > 0 && byte === 0 ? null : value;
    }
    return null;
  }

  /** The coverage of a cell of `lengthBytes` at `cellStart`: not empty, in order, apart. */
  next(cellStart: number, lengthBytes: number): ExtentList | null {
    const count = this.#number();
    // Every run takes at least two bytes, which bounds the count before memory is allocated.
    if (count === null || count === 0 || count > (this.#bytes.length - this.#at) / 2) return null;
    const coverage = new Float64Array(2 * count);
    let end = 0;
    for (let run = 0; run < count; run++) {
      const gap = this.#number();
      const length = this.#number();
      if (gap === null || length === null || length === 0 || (gap === 0 && run > 0)) return null;
      coverage[2 * run] = cellStart + end + gap;
      coverage[2 * run + 1] = length;
      end += gap + length;
      if (end > lengthBytes) return null;
    }
    return coverage;
  }
}
