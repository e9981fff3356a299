/** Opens a replica's target under its lock, at first and again after a failure. */

import { identifyTarget, identifyVolume, type Volume } from '../../volume/index.js';
import type { Target } from '../target.js';
import { openHostTargets } from '../targets.js';
import { targetChanged } from './errors.js';

export interface OpenTarget {
  readonly volume: Volume;
  /** Also releases the lock. Never rejects: everything written has been flushed by then. */
  readonly close: () => Promise<void>;
}

export interface OpenTargetOptions {
  readonly stableId: string;
  /** The size of the source. */
  readonly sizeBytes: number;
  readonly exclusive: boolean;
}

/** Returns a function that opens the target. It rejects with TARGET_CHANGED, and as openTargets() does. */
export function targetOpener(
  target: Target,
  { stableId, sizeBytes, exclusive }: OpenTargetOptions,
): () => Promise<OpenTarget> {
  let wasThere = target.facts !== null;
  return async () => {
    // A target that existed and is gone is waited for, not created: a file must not replace a disk.
    const identity = await (wasThere ? identifyVolume : identifyTarget)(target.path);
    if (identity !== null && identity.stableId !== stableId && target.facts !== null) {
      throw targetChanged(target.path);
    }
    const blank = { mounts: [], swaps: [], holders: [], writers: [] };
    const found = { usage: blank, holds: [], sharedWith: null, ...target.facts };
    const facts = identity === null ? null : { ...found, identity };
    const set = await openHostTargets([{ ...target, facts }], { sizeBytes, exclusive });
    const [opened] = set.targets;
    if (opened === undefined) throw new Error('a target that was opened is not there');
    wasThere = true;
    const close = () => set[Symbol.asyncDispose]().catch(() => undefined);
    return { volume: opened.volume, close };
  };
}
