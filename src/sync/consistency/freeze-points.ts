/** Moments of a mounted file system, held by freezing it. */

import { extentOf } from '../../region/index.js';
import { freeze, type FrozenFilesystem, type HostVolume } from '../../volume/index.js';
import type { HeldPoint, PointSource } from './point-source.js';

export interface FreezeOptions {
  readonly source: HostVolume;
  readonly maxFreezeMs: number;
  /** How long to wait for the end of somebody else's freeze; default: that of freeze(). */
  readonly busyPatienceMs?: number;
  /** Paths that this run writes meanwhile: none may lie on the file system. */
  readonly mustNotFreeze: readonly string[];
  /** Drains the tracker. Called when the file system is frozen. */
  readonly drain?: () => Promise<unknown>;
  readonly signal: AbortSignal;
}

/** ext4 writes its superblock when it is thawed; at the tracker's granularity that marks this much. */
const thawWritesBytes = 64 * 1024;

/** hold() rejects as freeze() and `drain` do, release() as thaw() does. */
export class FreezePoints implements PointSource {
  readonly #options: FreezeOptions;

  constructor(options: FreezeOptions) {
    this.#options = options;
  }

  async hold(): Promise<HeldPoint> {
    const { source, drain, ...options } = this.#options;
    const frozen = await freeze({ ...options, volume: source.identity });
    try {
      await drain?.();
      return held(source, frozen, options.maxFreezeMs);
    } catch (error) {
      await frozen[Symbol.asyncDispose]();
      throw error;
    }
  }
}

function held(source: HostVolume, frozen: FrozenFilesystem, maxFreezeMs: number): HeldPoint {
  const { identity, endpoint, directReader } = source;
  const { frozenAtMs, freezeCallMs: enterMs, expired: ended } = frozen;
  const deadlineMs = frozenAtMs - enterMs + maxFreezeMs;
  return {
    // Rounded down to the start of the freeze: everything fsynced before this moment is in the
    // copy.
    moment: Math.floor(Date.now() - (performance.now() - frozenAtMs)),
    endpoint,
    reader: directReader,
    ended,
    leftMs: () => deadlineMs - performance.now(),
    ownWrites: extentOf(0, Math.min(thawWritesBytes, identity.sizeBytes)),
    // Only the thaw proves that nobody wrote meanwhile: it rejects if the freeze had ended before.
    release: async () => ({ kind: 'lasted', enterMs, ...(await frozen.thaw()) }),
    [Symbol.asyncDispose]: () => frozen[Symbol.asyncDispose](),
  };
}
