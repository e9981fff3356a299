/**
 * Old signatures on a replica that earlier runs did not look for. They are wiped after the first epoch
 * that follows the map: only map and epoch together tell which ranges of the replica are in use.
 */

import type { UsedMap } from '../../../fsparsers/index.js';
import { type ExtentList, subtract } from '../../region/index.js';
import type { Volume } from '../../volume/index.js';
import { describeStrays, layoutOf, straysOn, wipeStrays } from '../stray-signatures.js';

/**
 * `written`: all ranges written to the replica since before the map was read. Resolves with what was
 * wiped, one line each. Signatures that the source has as well are left.
 */
export async function wipeOldSignatures(
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
