/** Positions in a work list: the n-th byte of all that is to be done, whatever its place on the disk. */

import type { ExtentList } from '../engine/index.js';

/** The extents of the list's bytes from position `fromBytes` up to, not including, `toBytes`. */
export function slice(workList: ExtentList, fromBytes: number, toBytes: number): ExtentList {
  const pairs: number[] = [];
  let position = 0;
  for (let index = 0; index < workList.length && position < toBytes; index += 2) {
    const start = workList[index] as number;
    const length = workList[index + 1] as number;
    const from = Math.max(0, fromBytes - position);
    const to = Math.min(length, toBytes - position);
    if (from < to) pairs.push(start + from, to - from);
    position += length;
  }
  return Float64Array.from(pairs);
}
