/** Why a byte of a volume is used or free. */

import type { Extent } from './extents.js';

/**
 * `free` and `bad` let a byte be left out of a copy, nothing else does. `bad`: the file system itself
 * lists it as unreadable and keeps nothing there.
 */
export type Reason = 'free' | 'unknown' | 'data' | 'bad' | 'outside' | 'journal' | 'metadata';

/** Whether a byte is to be copied: what is neither proved free nor listed as bad. */
export function isUsed(reason: Reason): boolean {
  return reason !== 'free' && reason !== 'bad';
}

export interface MapRange extends Extent {
  readonly reason: Reason;
}
