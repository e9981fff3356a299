/** How much may be left to copy when writers have to wait for it. */

/** So little needs no round of its own before the freeze. */
const trifleBytes = 256 * 1024;
const leastFrozenBytes = 1024 * 1024;
/** Nobody should wait for more, however fast the disks are. */
export const mostFrozenBytes = 64 * 1024 * 1024;
/** The share of the longest freeze that copying should take, as measured before. */
const frozenShare = 0.1;
/** So much more than was aimed at is still taken, where it will not become less. */
const patience = 4;
const leastCaution = 1 / 64;

/** Learns from the copying before a freeze, and from freezes that took too long. */
export class FreezeBudget {
  readonly #maxFreezeMs: number;
  #bytesPerSecond = 50 * 1024 * 1024;
  /** Halved by each freeze that took too long. */
  #caution = 1;

  constructor(maxFreezeMs: number) {
    this.#maxFreezeMs = maxFreezeMs;
  }

  /** So little is left that writers may wait for it; before a first round of copying, hardly anything. */
  fits(bytes: number, hasCopied: boolean): boolean {
    return bytes <= trifleBytes || (hasCopied && bytes <= this.#limitBytes * this.#caution);
  }

  /** More than was aimed at, but it can be done. */
  mayDo(bytes: number): boolean {
    return bytes <= patience * this.#limitBytes * this.#caution;
  }

  /** More than any freeze can do: what was written since the last look was too much. */
  isBeyond(bytes: number): boolean {
    return bytes > patience * this.#limitBytes;
  }

  /** Learns how fast copying is. Little says nothing of that. */
  measured(bytes: number, seconds: number): void {
    if (bytes >= leastFrozenBytes && seconds > 0) this.#bytesPerSecond = bytes / seconds;
  }

  /** A freeze has lasted. */
  kept(): void {
    this.#caution = 1;
  }

  /** A freeze took too long; true: the one before it did not. */
  lost(): boolean {
    const isFirst = this.#caution === 1;
    this.#caution = Math.max(this.#caution / 2, leastCaution);
    return isFirst;
  }

  /** However little was left, freezes took too long: it is the freezing itself. */
  get isExhausted(): boolean {
    return this.#caution <= leastCaution;
  }

  get #limitBytes(): number {
    const fitting = (this.#bytesPerSecond * this.#maxFreezeMs * frozenShare) / 1000;
    return Math.min(mostFrozenBytes, Math.max(leastFrozenBytes, fitting));
  }
}
