/**
 * The shape of `qemu-img map --output=json` (qemu-img(1); MapEntry in qemu's qapi/block-core.json). Free
 * ranges are as qemu has unallocated ones of unknown content: neither present nor zero nor data.
 */

import type { UsedMap } from '../../../fsparsers/usedmap.js';
import { inChunks, rangesByUse } from './format.js';

export function qemu(map: UsedMap): Iterable<string> {
  return inChunks(pieces(map));
}

function* pieces(map: UsedMap): Generator<string> {
  let separator = '[';
  for (const { start, length, used } of rangesByUse(map)) {
    const place = used ? `, "offset": ${start}` : '';
    yield `${separator}{ "start": ${start}, "length": ${length}, "depth": 0, "present": ${used}, "zero": false, "data": ${used}${place}}`;
    separator = ',\n';
  }
  yield separator === '[' ? '[]\n' : ']\n';
}
