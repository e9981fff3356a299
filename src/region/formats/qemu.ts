/**
 * The list that `qemu-img map --output=json` prints, for programs that read that. Shape: QEMU
 * docs/tools/qemu-img.rst, "map", and MapEntry in qapi/block-core.json.
 */

import type { UsedMap } from '../../../fsparsers/usedmap.js';
import type { ExtentList } from '../../../fsparsers/extents.js';
import { inPieces, type MappedDevice } from './format.js';
import { type Run, runsOf, runsOfExtents } from './runs.js';

/**
 * The same list as qemu-img's for a raw file with data where the map says used and holes elsewhere.
 * The format has no word for "free", so free runs are called zero, as holes are.
 */
export function qemu(map: UsedMap): Iterable<string> {
  return inPieces(texts(runsOf(map.ranges)));
}

/** The same of any extents. */
export function qemuOfExtents(extents: ExtentList, device: MappedDevice): Iterable<string> {
  return inPieces(texts(runsOfExtents(extents, device.bytes)));
}

function* texts(runs: Iterable<Run>): Generator<string> {
  let separator = '[';
  for (const run of runs) {
    yield separator + entryOf(run);
    separator = ',\n';
  }
  yield separator === '[' ? '[]\n' : ']\n';
}

function entryOf({ start, length, used }: Run): string {
  return (
    `{ "start": ${start}, "length": ${length}, "depth": 0, "present": true,` +
    ` "zero": ${!used}, "data": ${used}, "offset": ${start}}`
  );
}
