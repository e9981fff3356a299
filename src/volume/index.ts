/** What can be read or written: local volumes, their identity, and how to open them. */

export { identifyVolume, type VolumeIdentity } from './identity.js';
export { openVolume, type LocalVolume, type OpenOptions } from './open.js';
export { FileByteReader } from './reader.js';
export { systemRoots, type SystemRoots } from './sysfs.js';
