/** Moments of a volume, mounted or not at that time. */

import { isNotMounted } from './errors.js';
import { type FreezeOptions, FreezePoints } from './freeze-points.js';
import type { HeldPoint, PointSource } from './point-source.js';
import { type Drain, QuietPoints } from './quiet-points.js';

/**
 * Freezes a mounted file system; waits for a pause on an unmounted device. Rejects as both do, but not
 * with NOT_MOUNTED.
 */
export class VolumePoints implements PointSource {
  readonly #frozen: PointSource;
  readonly #quiet: PointSource;

  constructor(options: FreezeOptions & { readonly drain: Drain }) {
    this.#frozen = new FreezePoints(options);
    this.#quiet = new QuietPoints(options.source, options.drain);
  }

  async hold(): Promise<HeldPoint> {
    try {
      return await this.#frozen.hold();
    } catch (error) {
      if (isNotMounted(error)) return this.#quiet.hold();
      throw error;
    }
  }
}
