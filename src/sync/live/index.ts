/** Replicating a source that is being written: `fastsync live`, and the status for `fastsync status`. */

export { live } from './live.js';
export type { LiveContext, LiveOptions, LiveResult } from './live-options.js';
export { prepareLive, type LivePlaces, type PreparedLive } from './prepare.js';
export { recover, type Recovered } from './recover.js';
export { liveDirectory, type ReplicaRecord } from './replica-file.js';
export { readStatuses, type FoundStatus } from './status-file.js';
export type { LiveState } from './replica-state.js';
