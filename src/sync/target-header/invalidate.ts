/** Makes a target unmountable while it is unfinished. */

import { clear } from '../../engine/index.js';
import { extentOf } from '../../region/index.js';
import type { Volume } from '../../volume/index.js';
import { stampSectorBytes } from './sizes.js';
import { writeStamp } from './stamp.js';

/**
 * Stamps the target and clears `areaBytes` of it (the header or the signature area), both durably. The
 * stamp is written first, so that the next run recognises the target whenever this run is killed.
 */
export async function invalidate(volume: Volume, runId: string, areaBytes: number): Promise<void> {
  await writeStamp(volume, runId);
  const start = stampSectorBytes(volume);
  const extents = extentOf(start, Math.min(areaBytes, volume.identity.sizeBytes) - start);
  if (extents.length === 0) return;
  await volume.lend((target) => clear({ target, extents, mode: 'zero' }).done);
}
