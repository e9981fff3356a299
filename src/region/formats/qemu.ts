/**
 * The list that `qemu-img map --output=json` prints, for programs that read that. Shape: QEMU
 * docs/tools/qemu-img.rst, "map", and MapEntry in qapi/block-core.json.
 */

import type { UsedMap } from '../../../fsparsers/usedmap.js';
import { inPieces } from './format.js';
import { type Run, runsOf } from './runs.js';

/**
 * The same list as qemu-img's for a raw file with data where the map says used and holes elsewhere.
 * The format has no word for "free", so free runs are called zero, as holes are.
 */
export function qemu(map: UsedMap): Iterable<string> {
  return inPieces(texts(map));
}

function* texts(map: UsedMap): Generator<string> {
  let separator = '[';
  for (const run of runsOf(map.ranges)) {
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
