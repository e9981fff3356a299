/** What can be read or written: local volumes, their identity, and how to open them. */

export { withVolumeErrors } from './errors.js';
export { identifyVolume, type VolumeIdentity } from './identity.js';
export { openVolume, type LocalVolume, type OpenOptions } from './open.js';
export { FileByteReader } from './reader.js';
export { systemRoots, type SystemRoots } from './sysfs.js';
export { lockDirectory, takeLock, type Lock } from './lock.js';
export {
  findRefusals,
  hazardRefusals,
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
