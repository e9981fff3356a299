/** Opens a replica's target under its lock, the first time and again after it failed. */

import { identifyTarget, identifyVolume, type Volume } from '../../volume/index.js';
import { openTargets, type Target } from '../targets.js';
import { targetChanged } from './errors.js';

export interface OpenTarget {
  readonly volume: Volume;
  /** Gives the lock back, too. Never rejects: whatever was written is flushed by then. */
  readonly close: () => Promise<void>;
}

export interface OpenTargetOptions {
  readonly stableId: string;
  /** Of the source. */
  readonly sizeBytes: number;
  readonly exclusive: boolean;
}

/** Gives what opens the target. That rejects with TARGET_CHANGED, and as openTargets() does. */
export function targetOpener(
  target: Target,
  { stableId, sizeBytes, exclusive }: OpenTargetOptions,
): () => Promise<OpenTarget> {
  let wasThere = target.facts !== null;
  return async () => {
    // What was there and is gone is waited for, not made anew: in the place of a disk that would be a file.
    const identity = await (wasThere ? identifyVolume : identifyTarget)(target.path);
    if (identity !== null && identity.stableId !== stableId && target.facts !== null) {
      throw targetChanged(target.path);
    }
    const blank = { mounts: [], swaps: [], holders: [], writers: [] };
    const found = { usage: blank, holds: [], sharedWith: null, ...target.facts };
    const facts = identity === null ? null : { ...found, identity };
    const set = await openTargets([{ ...target, facts }], { sizeBytes, exclusive });
    const [opened] = set.targets;
    if (opened === undefined) throw new Error('a target that was opened is not there');
    wasThere = true;
    const close = () => set[Symbol.asyncDispose]().catch(() => undefined);
    return { volume: opened.volume, close };
  };
}
