/** What a run will copy, in which order, and what it will leave alone or clear. */

import type { RangeTable } from '../../fsparsers/index.js';
import type { ExtentList } from '../engine/index.js';
import {
  alignOutward,
  badExtents,
  clip,
  coalesce,
  extentOf,
  subtract,
  totalBytes,
  union,
  usedExtents,
} from '../region/index.js';
import { headerBytes } from './target-header/index.js';

/** Ranges closer than this are copied as one: a short read of free space is cheaper than a request. */
export const defaultGapBytes = 16 * 1024;

/** Alignment of everything that is copied: the largest sector in use, so direct I/O always fits. */
const alignmentBytes = 4096;

export interface Plan {
  /** Everything to copy behind the header, in order. */
  readonly body: ExtentList;
  /** The used part of the first MiB: copied when everything else is on the disk. */
  readonly header: ExtentList;
  /** What of the target no copied range covers. */
  readonly free: ExtentList;
  readonly usedBytes: number;
  readonly copyBytes: number;
  readonly freeBytes: number;
  /** Used bytes that a smaller target cannot hold: then the copy is incomplete, whatever else. */
  readonly truncatedBytes: number;
  /** Bytes that the file system claims behind a smaller target's end, in use or not: it is not mounted there. */
  readonly cutBytes: number;
}

/** Makes the plan for a volume of `deviceBytes`. The map covers the whole of it. */
export function planCopy(
  ranges: RangeTable,
  deviceBytes: number,
  gapBytes: number = defaultGapBytes,
): Plan {
  const used = usedExtents(ranges);
  const joined = coalesce(alignOutward(used, alignmentBytes, deviceBytes), gapBytes);
  // Neither the rounding nor the joining may lead over what cannot be read.
  const wanted = subtract(joined, badExtents(ranges));
  const header = clip(wanted, 0, headerBytes);
  const body = clip(wanted, headerBytes, deviceBytes - headerBytes);
  const free = subtract(extentOf(0, deviceBytes), wanted);
  return {
    body,
    header,
    free,
    usedBytes: totalBytes(used),
    copyBytes: totalBytes(wanted),
    freeBytes: deviceBytes - totalBytes(used),
    truncatedBytes: 0,
    cutBytes: 0,
  };
}

/**
 * The part of a plan that fits into a target of `targetBytes`. `claimedBytes`: the size that the source's
 * file system claims to have.
 */
export function truncatePlan(plan: Plan, targetBytes: number, claimedBytes: number): Plan {
  const body = clip(plan.body, 0, targetBytes);
  const header = clip(plan.header, 0, targetBytes);
  const beyond = subtract(union(plan.header, plan.body), extentOf(0, targetBytes));
  return {
    ...plan,
    body,
    header,
    free: clip(plan.free, 0, targetBytes),
    copyBytes: totalBytes(body) + totalBytes(header),
    truncatedBytes: totalBytes(beyond),
    cutBytes: Math.max(0, claimedBytes - targetBytes),
  };
}

/** The plan with the whole of the header in it, whatever of it is in use now. */
export function withWholeHeader(plan: Plan, deviceBytes: number): Plan {
  const header = extentOf(0, Math.min(headerBytes, deviceBytes));
  return {
    ...plan,
    header,
    free: subtract(plan.free, header),
    copyBytes: totalBytes(plan.body) + totalBytes(header),
  };
}
