/**
 * The list that nbdkit-extentlist-filter(1) puts over a plugin: offset, length and type in a line.
 * Used ranges have no type; free ones are holes, but not zero: what lies there is anybody's guess.
 */

import type { UsedMap } from '../../../fsparsers/usedmap.js';
import { inChunks, rangesByUse } from './format.js';

export function extentlist(map: UsedMap): Iterable<string> {
  return inChunks(pieces(map));
}

function* pieces(map: UsedMap): Generator<string> {
  for (const { start, length, used } of rangesByUse(map)) {
    yield `${start} ${length}${used ? '' : ' hole'}\n`;
  }
}
