/** A growing list of block ranges in one allocation group, in any order; 8 bytes each. */
export class BlockList {
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

  endOf(index: number): number {
    return this.startOf(index) + (this.#pairs[2 * index + 1] ?? 0);
  }
}
