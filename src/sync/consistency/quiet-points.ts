/** Moments of a device from which nothing is mounted: a time between two drains without any write. */

import { emptyExtents } from '../../region/index.js';
import type { HostVolume } from '../../volume/index.js';
import { notQuiet } from './errors.js';
import type { HeldPoint, PointSource } from './point-source.js';

/** Drains the tracker; resolves with the bytes written since the last drain. */
export type Drain = () => Promise<number>;

/** hold() and release() reject as `drain` does. */
export class QuietPoints implements PointSource {
  readonly #source: HostVolume;
  readonly #drain: Drain;

  constructor(source: HostVolume, drain: Drain) {
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
