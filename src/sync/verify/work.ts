/** What a verification compares: the used ranges, or all of them, within the span and within both volumes. */

import type { UsedMap } from '../../../fsparsers/index.js';
import {
  emptyExtents,
  extentOf,
  type ExtentList,
  intersect,
  readableExtents,
  subtract,
  union,
  usedExtents,
} from '../../region/index.js';
import type { VolumeIdentity } from '../../volume/index.js';
import type { VerifyRequest } from './request.js';
import { type Span, spanned, spanOf } from './span.js';

export interface VerifyWork {
  readonly span: Span;
  /** The ranges to compare. */
  readonly workList: ExtentList;
  /** The ranges for which the target, being smaller, has no room. */
  readonly missing: ExtentList;
}

/** Computes the work for a source with that map and a target of that size. */
export function workOf(request: VerifyRequest, map: UsedMap, target: VolumeIdentity): VerifyWork {
  const span = spanOf(request, map.deviceBytes);
  const wanted = spanned(wantedExtents(map, request.free), span);
  // A file grows before it is repaired; a device cannot.
  const canGrow = request.repair && target.kind === 'file';
  if (canGrow) return { span, workList: wanted, missing: emptyExtents };
  const held = extentOf(0, target.sizeBytes);
  // Free ranges too: the kernel does not mount a file system on a device smaller than it claims.
  const claimed = spanned(extentOf(0, Math.min(map.filesystem.sizeBytes, map.deviceBytes)), span);
  return {
    span,
    workList: intersect(wanted, held),
    missing: subtract(union(wanted, claimed), held),
  };
}

function wantedExtents(map: UsedMap, free: 'ignore' | 'verify'): ExtentList {
  // A copy's work list is joined across gaps; this one is not, because gaps are free and may differ.
  return free === 'verify' ? readableExtents(map) : usedExtents(map.ranges);
}

/** Identifies the part of the pair that is compared: states of different scopes are kept apart. */
export function scopeOf({ free, map: { as, swap } }: VerifyRequest): string {
  // Both options mean the whole volume.
  const all = free === 'verify' || as === 'whole';
  return all ? 'all' : JSON.stringify([as ?? null, swap ?? null]);
}
