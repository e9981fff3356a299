/** A set of numbers in eight to sixteen bytes each, with a memory limit. */

/** 128 MiB, and half as much again while it grows. */
const mostNumbers = 1 << 23;
const firstSlots = 1 << 10;
/** The multiplier of Fibonacci hashing. */
const spread = 0x9e3779b1;

export class NumberSet {
  readonly #most: number;
  /** Open addressing; 0 is an empty slot. */
  #slots = new Float64Array(firstSlots);
  #count = 0;

  constructor(most = mostNumbers) {
    this.#most = most;
  }

  /** Adds an integer above 0. Returns false if it is known; true for every unknown one once the set is full. */
  add(number: number): boolean {
    const slot = this.#slotOf(number);
    if (this.#slots[slot] === number) return false;
    if (this.#count >= this.#most) return true;
    this.#slots[slot] = number;
    if (++this.#count * 2 > this.#slots.length) this.#grow();
    return true;
  }

  #slotOf(number: number): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    const high = Math.floor(number / 2 ** 32);
    let slot = ((Math.imul((number % 2 ** 32) | 0, spread) ^ Math.imul(high, spread)) >>> 7) & mask;
    while (slots[slot] !== 0 && slots[slot] !== number) slot = (slot + 1) & mask;
    return slot;
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = new Float64Array(old.length * 2);
    for (const number of old) if (number !== 0) this.#slots[this.#slotOf(number)] = number;
  }
}
