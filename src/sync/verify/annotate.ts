/** Names what lies in a range: "group 3 inode table", "AG 1 free-space tree", "data". */

import type { UsedMap } from '../../../fsparsers/index.js';
import { eachExtent, type ExtentList } from '../../region/index.js';

export interface NamedRange {
  readonly start: number;
  readonly length: number;
  readonly what: string;
}

/** The smallest structure that has a name: a header of XFS, a boot sector. */
const sectorBytes = 512;

/** Limits the steps per range, so that a terabyte of differences is not walked sector by sector. */
const mostSteps = 4096;

/** Splits the ranges where their content changes, and names each piece. Lazy: there may be millions. */
export function* annotate(map: UsedMap, list: ExtentList): Generator<NamedRange> {
  for (const { start, length } of eachExtent(list)) {
    const end = start + length;
    const step = Math.ceil(length / sectorBytes / mostSteps) * sectorBytes;
    let pieceStart = start;
    let what = map.locate(start);
    for (let at = nextStop(map, start, step); at < end; at = nextStop(map, at, step)) {
      const here = map.locate(at);
      if (here === what) continue;
      yield { start: pieceStart, length: at - pieceStart, what };
      pieceStart = at;
      what = here;
    }
    yield { start: pieceStart, length: end - pieceStart, what };
  }
}

/** The next offset at which something else may begin: the end of the map's range, or one step on. */
function nextStop(map: UsedMap, at: number, step: number): number {
  const { start, length, reason } = map.ranges.find(at);
  const end = start + length;
  // Only metadata has many kinds, and only partitions of a disk may adjoin.
  const isUniform = (reason === 'data' || reason === 'free') && map.partitions === undefined;
  return isUniform ? end : Math.min(end, (Math.floor(at / step) + 1) * step);
}
