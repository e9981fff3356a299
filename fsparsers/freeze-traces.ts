/**
 * Where two copies of a file system mean the same in different bytes. Freezing and thawing rewrites the
 * superblock, and possibly the log, although no program wrote anything: two moments of an idle file
 * system differ only there.
 */

import { extFreezeTraces } from './ext/freeze-traces.js';
import type { ByteReader } from './reader.js';
import type { Extent } from './extents.js';
import { xfsFreezeTraces } from './xfs/freeze-traces.js';

/**
 * Finds the traces of freezes in two copies of what probe() calls `type`. `differs` tells whether the
 * copies differ anywhere in a range; equal ranges are not examined. Structures that cannot be read or
 * parsed on either side are not traces.
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
