/** Volumes of other hosts. This module is loaded only if the user names one. */

export { inspectTarget, openRemoteTarget } from './remote-target.js';
export { openRemoteVolume } from './remote-volume.js';
export { openSession } from './session.js';
