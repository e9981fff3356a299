/** Write tracking: which ranges of a volume in use were written. Chooses the backend; today there is one. */

import type { Volume } from '../volume/index.js';
import { BpfTracker, startBpf } from './bpf/tracker.js';
import type { Tracker, TrackerOptions } from './types.js';

export {
  drainPinned,
  listPinned,
  peekPinned,
  pinTracker,
  stopPinned,
  type PinnedTracker,
} from './bpf/pinned.js';
export { fineGranularity } from './granularity.js';
export type * from './types.js';

/**
 * Tracks the writes to `volume` until the tracker is stopped or this process ends. Rejects with
 * FastsyncError TRACKER_UNSUPPORTED where this machine, this user or this volume does not allow it,
 * and with RangeError for an invalid granularity.
 */
export async function startTracker(volume: Volume, options: TrackerOptions = {}): Promise<Tracker> {
  return new BpfTracker(volume.identity, await startBpf(volume.identity, options));
}
