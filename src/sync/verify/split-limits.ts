/** Where a work list may be split, and which offset on the volume a position in it stands for. */

import type { ExtentList } from '../../region/index.js';

export interface SplitLimits {
  /** A list is split only at multiples of this. */
  readonly cutBytes: number;
  /** No split lies behind it. */
  readonly endBytes: number;
}

/**
 * The offset on the volume up to which the list has about `bytes` after `fromBytes`; the end when nothing
 * is left after it. Always greater than `fromBytes`.
 */
export function pieceFrom(
  list: ExtentList,
  fromBytes: number,
  bytes: number,
  { cutBytes, endBytes }: SplitLimits,
): number {
  let left = bytes;
  let last = fromBytes;
  for (let index = 0; index < list.length; index += 2) {
    const start = Math.max(list[index] as number, fromBytes);
    const end = (list[index] as number) + (list[index + 1] as number);
    if (end <= start) continue;
    if (end - start > left) return Math.min(endBytes, roundUp(start + left, cutBytes));
    left -= end - start;
    last = end;
    if (left === 0) break;
  }
  const isAll = left > 0 || last >= (list.at(-2) ?? 0) + (list.at(-1) ?? 0);
  return isAll ? endBytes : Math.min(endBytes, roundUp(last, cutBytes));
}

/**
 * The offset on the volume of the list's byte number `positionBytes`, rounded down to a split limit: when
 * that many bytes of the list are done, everything before this offset is done.
 */
export function offsetAt(list: ExtentList, positionBytes: number, cutBytes: number): number {
  let left = positionBytes;
  for (let index = 0; index < list.length; index += 2) {
    const start = list[index] as number;
    const length = list[index + 1] as number;
    if (left < length) return Math.floor((start + left) / cutBytes) * cutBytes;
    left -= length;
  }
  const end = (list.at(-2) ?? 0) + (list.at(-1) ?? 0);
  return Math.floor(end / cutBytes) * cutBytes;
}

function roundUp(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit;
}
