/** Seeded randomness: the same seed gives the same run, and a failing run says which it was. */

/** A generator of numbers in [0, 1) with helpers; mulberry32, public domain, by Tommy Ettinger. */
export interface Random {
  next(): number;
  /** A whole number from `low` up to, not including, `high`. */
  between(low: number, high: number): number;
  pick<T>(items: readonly T[]): T;
  bytes(length: number): Buffer;
}

/** What says with a result how it came about: a test. */
export interface Teller {
  log(...values: string[]): void;
}

/** Takes the seed from FASTSYNC_TEST_SEED if that is set, and logs it with the test. */
export function seededRandom(t: Teller, defaultSeed: number): Random {
  const seed = Number(process.env.FASTSYNC_TEST_SEED ?? defaultSeed);
  t.log(`seed ${seed}`);
  return randomFrom(seed);
}

export function randomFrom(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const between = (low: number, high: number) => low + Math.floor(next() * (high - low));
  return {
    next,
    between,
    pick<T>(items: readonly T[]): T {
      if (items.length === 0) throw new RangeError('Expected items to pick from, got none');
      return items[between(0, items.length)] as T;
    },
    bytes: (length) => Buffer.from(Uint8Array.from({ length }, () => between(0, 256))),
  };
}
