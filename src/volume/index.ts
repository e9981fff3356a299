/** What can be read or written: local volumes, their identity, and how to open them. */

export { diskFacts, writesInFlight, type DiskFacts } from './disk-facts.js';
export { errnoName, volumeError, withVolumeErrors } from './errors.js';
export { findFreezable, type Freezable } from './freezable.js';
export { freeze, type FreezeRequest, type FrozenFilesystem } from './freeze.js';
export { fingerprintOf } from './fingerprint.js';
export { identifyVolume, type VolumeIdentity } from './identity.js';
export { isInPlace, openVolume, type LocalVolume, type OpenOptions } from './open.js';
export { FileByteReader } from './reader.js';
export { type NodeId } from './node.js';
export { blockDevices, systemRoots, type BlockDevice, type SystemRoots } from './sysfs.js';
export { lockDirectory, refuseLocked, takeLock, type Lock } from './lock.js';
export {
  findRefusals,
  hazardRefusals,
  notReplica,
  overrideHelp,
  overrides,
  refusalError,
  sharedStorage,
  type Override,
  type Refusal,
  type RefusalCode,
  type SourceFacts,
  type TargetFacts,
} from './refusals.js';
export { createTargetFile, identifyTarget, resizeTargetFile } from './target.js';
export { surveySurroundings, type Surroundings, type Usage } from './usage.js';
