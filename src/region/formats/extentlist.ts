/**
 * The extent list that nbdkit's extentlist filter lays over a volume, so that NBD clients skip what is
 * free. Format: nbdkit-extentlist-filter(1), "FILE FORMAT": offset, length and type in decimal bytes,
 * no comments.
 */

import type { UsedMap } from '../../../fsparsers/usedmap.js';
import { inPieces, type MappedDevice } from './format.js';
import type { ExtentList } from '../../../fsparsers/extents.js';
import { type Run, runsOf, runsOfExtents } from './runs.js';

/**
 * Used runs have no type (allocated data), free ones are `hole` and not `zero`: they need not be
 * copied, but what lies there is old data, and a client must not take it for zeroes.
 */
export function extentlist(map: UsedMap): Iterable<string> {
  return inPieces(lines(runsOf(map.ranges)));
}

/** The same of any extents. */
export function extentlistOfExtents(extents: ExtentList, device: MappedDevice): Iterable<string> {
  return inPieces(lines(runsOfExtents(extents, device.bytes)));
}

function* lines(runs: Iterable<Run>): Generator<string> {
  for (const { start, length, used } of runs) {
    yield used ? `${start} ${length}\n` : `${start} ${length} hole\n`;
  }
}
