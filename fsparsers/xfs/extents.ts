/** Lists of block extents in one allocation group: two numbers each, whatever their count. */

/** A growing list of extents, 8 bytes each. */
export class ExtentList {
  #pairs = new Uint32Array(64);
  #count = 0;

  get length(): number {
    return this.#count;
  }

  push(start: number, length: number): void {
    if (2 * this.#count === this.#pairs.length) {
      const larger = new Uint32Array(this.#pairs.length * 2);
      larger.set(this.#pairs);
      this.#pairs = larger;
    }
    this.#pairs[2 * this.#count] = start;
    this.#pairs[2 * this.#count + 1] = length;
    this.#count++;
  }

  startOf(index: number): number {
    return this.#pairs[2 * index] ?? 0;
  }

  lengthOf(index: number): number {
    return this.#pairs[2 * index + 1] ?? 0;
  }

  endOf(index: number): number {
    return this.startOf(index) + this.lengthOf(index);
  }

  /** The sum of all lengths, in blocks. */
  total(): number {
    let sum = 0;
    for (let index = 0; index < this.#count; index++) sum += this.lengthOf(index);
    return sum;
  }
}

/** What two sorted lists have in common. */
export function intersectExtents(a: ExtentList, b: ExtentList): ExtentList {
  const common = new ExtentList();
  let inA = 0;
  let inB = 0;
  while (inA < a.length && inB < b.length) {
    const start = Math.max(a.startOf(inA), b.startOf(inB));
    const end = Math.min(a.endOf(inA), b.endOf(inB));
    if (end > start) common.push(start, end - start);
    if (a.endOf(inA) <= b.endOf(inB)) inA++;
    else inB++;
  }
  return common;
}
