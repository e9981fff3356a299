/**
 * What the former life of a replica left on it, where an earlier run did not look. It is wiped when an
 * epoch has come after the map: only then both say what is in use on the replica.
 */

import type { UsedMap } from '../../../fsparsers/index.js';
import { type ExtentList, subtract } from '../../region/index.js';
import type { Volume } from '../../volume/index.js';
import { describeStrays, layoutOf, straysOn, wipeStrays } from '../stray-signatures.js';

/**
 * `written`: all that the replica got since before the map was read. Resolves with what was wiped, one
 * line each. What the source carries there as well is left.
 */
export async function wipeFormerLife(
  target: Volume,
  source: Volume,
  map: UsedMap,
  written: ExtentList,
): Promise<string[]> {
  const layout = layoutOf(map);
  const open = { ...layout, free: subtract(layout.free, written) };
  const strays = await straysOn(target.reader, source.directReader, open);
  if (strays.length > 0) await wipeStrays(target, strays, open);
  return describeStrays(strays);
}
