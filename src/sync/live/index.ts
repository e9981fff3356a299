/** Following a source that is being written: `fastsync live` and what it tells `fastsync status`. */

export { live, type LiveContext, type LiveOptions, type LiveResult } from './live.js';
export { prepareLive, type LivePlaces, type PreparedLive } from './prepare.js';
export { recover, type Recovered } from './recover.js';
export { liveDirectory, type ReplicaRecord } from './replica-file.js';
export { readStatuses, type FoundStatus } from './status-file.js';
export type { LiveState } from './replica.js';
