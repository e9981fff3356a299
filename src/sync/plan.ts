/** What a run will copy, in which order, and what it will leave unchanged or clear. */

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

/**
 * Ranges with a gap smaller than this are copied as one: reading a little free space is cheaper than
 * another request.
 */
export const defaultGapBytes = 16 * 1024;

/**
 * The alignment of everything that is copied: the largest sector size in use, so that direct I/O always
 * works.
 */
const alignmentBytes = 4096;

export interface Plan {
  /** Everything to copy after the header, in order. */
  readonly body: ExtentList;
  /** The used part of the first MiB: copied when everything else is on the disk. */
  readonly header: ExtentList;
  /** The ranges of the target that no copied range covers. */
  readonly free: ExtentList;
  readonly usedBytes: number;
  readonly copyBytes: number;
  readonly freeBytes: number;
  /** Used bytes that a smaller target cannot hold; if not 0, the copy is incomplete. */
  readonly truncatedBytes: number;
  /**
   * Bytes, used or free, that the file system claims after a smaller target's end; if not 0, it cannot be
   * mounted there.
   */
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
  // Neither rounding nor joining may include ranges that cannot be read.
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

/** The plan with the whole header, whichever parts are in use now. */
export function withWholeHeader(plan: Plan, deviceBytes: number): Plan {
  const header = extentOf(0, Math.min(headerBytes, deviceBytes));
  return {
    ...plan,
    header,
    free: subtract(plan.free, header),
    copyBytes: totalBytes(plan.body) + totalBytes(header),
  };
}
