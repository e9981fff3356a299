/**
 * Where two copies of a file system say the same in other bytes. Freezing and thawing writes the
 * superblock anew, and the log where there is one to cover, though nobody wrote anything: two moments of
 * an idle file system differ there, and in nothing else.
 */

import { extFreezeTraces } from './ext/freeze-traces.js';
import type { ByteReader } from './reader.js';
import type { Extent } from './extents.js';
import { xfsFreezeTraces } from './xfs/freeze-traces.js';

/**
 * Finds the traces of freezes in two copies of what probe() calls `type`. `differs` tells whether the
 * copies differ anywhere in a range: what does not differ is not looked at. What cannot be read or
 * understood on either side is no trace.
 */
export async function freezeTraces(
  type: string,
  left: ByteReader,
  right: ByteReader,
  differs: (range: Extent) => boolean,
): Promise<readonly Extent[]> {
  if (/^ext[234]$/.test(type)) return extFreezeTraces(left, right, differs);
  return type === 'xfs' ? xfsFreezeTraces(left, right, differs) : [];
}
