/** The write tracker: what was written to a volume while it was in use. */

import type { Volume } from '../volume/index.js';
import { BpfTracker, startBpf } from './bpf/tracker.js';
import type { Tracker, TrackerOptions } from './types.js';

export {
  drainPinned,
  keepTracker,
  listPinned,
  peekPinned,
  stopPinned,
  type PinnedTracker,
} from './bpf/pinned.js';
export type * from './types.js';

/**
 * Tracks the writes to `volume` until the tracker is stopped or this process ends. Rejects with
 * FastsyncError TRACKER_UNSUPPORTED where this machine, this user or this volume does not allow it,
 * and with RangeError for a granularity that is none.
 */
export async function startTracker(volume: Volume, options: TrackerOptions = {}): Promise<Tracker> {
  return new BpfTracker(volume.identity, await startBpf(volume.identity, options));
}
export { fineGranularity } from './granularity.js';
