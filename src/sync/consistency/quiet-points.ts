/** Moments of a device from which nothing is mounted: nothing is written to it between two drains. */

import { emptyExtents } from '../../region/index.js';
import type { Volume } from '../../volume/index.js';
import { notQuiet } from './errors.js';
import type { HeldPoint, PointSource } from './point-source.js';

/** Hands over what was written since the last drain, and resolves with its bytes. */
export type Drain = () => Promise<number>;

/** hold() and release() reject as `drain` does. */
export class QuietPoints implements PointSource {
  readonly #source: Volume;
  readonly #drain: Drain;

  constructor(source: Volume, drain: Drain) {
    this.#source = source;
    this.#drain = drain;
  }

  async hold(): Promise<HeldPoint> {
    const { identity, endpoint, directReader } = this.#source;
    await this.#drain();
    return {
      moment: Date.now(),
      endpoint,
      reader: directReader,
      ended: new AbortController().signal,
      leftMs: () => Infinity,
      ownWrites: emptyExtents,
      release: async () => {
        if ((await this.#drain()) > 0) return { kind: 'written', error: notQuiet(identity.path) };
        return { kind: 'lasted', enterMs: 0, heldMs: 0 };
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  }
}
