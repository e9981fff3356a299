/** Can this machine track writes? The only way to know is to try. */

import { FastsyncError } from '../../errors.js';
import { loaded } from './tracker.js';
import type { TrackerSupport } from '../types.js';

/** A device that no machine has: with the largest numbers, and a mark to its name. */
const nowhere = {
  node: 'block:4095:1048575',
  disk: {
    name: '',
    major: 4095,
    minor: 1048575,
    sequence: null,
    startBytes: 0,
    sizeBytes: 65536,
    hasRequests: true,
    isZoned: false,
    isDirectlyMapped: false,
    mdLevel: null,
  },
} as const;

/** Whether this machine can track writes at all, for this user. Never rejects. */
export async function trackerSupport(): Promise<TrackerSupport> {
  try {
    (await loaded(nowhere, nowhere.disk.sizeBytes, null)).close();
    return { supported: true, reason: null };
  } catch (error) {
    const remedy = error instanceof FastsyncError ? `: ${error.remedy ?? ''}` : '';
    return { supported: false, reason: `${(error as Error).message}${remedy}` };
  }
}
