/** Volumes of other hosts. Loaded when one is named. */

export { inspectTarget, openRemoteTarget } from './remote-target.js';
export { openRemoteVolume } from './remote-volume.js';
export { openSession } from './session.js';
