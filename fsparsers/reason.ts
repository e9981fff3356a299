/** Why a byte of a volume is used or free. */

import type { Extent } from './extents.js';

/**
 * Only `free` and `bad` bytes are left out of a copy. `bad`: the file system itself lists it as
 * unreadable and stores nothing there.
 */
export type Reason = 'free' | 'unknown' | 'data' | 'bad' | 'outside' | 'journal' | 'metadata';

/** Whether a byte is copied: neither proved free nor listed as bad. */
export function isUsed(reason: Reason): boolean {
  return reason !== 'free' && reason !== 'bad';
}

export interface MapRange extends Extent {
  readonly reason: Reason;
}
