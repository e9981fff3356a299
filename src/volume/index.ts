/** Volumes: what they are, who uses them, how to open and to freeze them. */

export { diskFacts, writesInFlight, type DiskFacts } from './host/disk-facts.js';
export { errnoName, volumeError, withVolumeErrors } from './errors.js';
export { findFreezable, type Freezable } from './freeze/freezable.js';
export { freeze, type FreezeRequest, type FrozenFilesystem } from './freeze/freeze.js';
export { fingerprintOf } from './host/fingerprint.js';
export { hasTypeInformation, isLockedDown, typeInformation } from './host/kernel.js';
export { bootId, processStart } from './host/processes.js';
export { isOfThisHost, type VolumeIdentity } from './identity.js';
export { identifyVolume } from './local/identify.js';
export { openVolume, type OpenOptions } from './local/open.js';
export { FileByteReader } from './local/reader.js';
export type { NodeId } from './node.js';
export { blockDevices, systemRoots, type BlockDevice, type SystemRoots } from './host/sysfs.js';
export { lockDirectory, refuseLocked, takeLock, type Lock } from './local/lock.js';
export {
  findRefusals,
  hazardRefusals,
  notReplica,
  overrideHelp,
  overrides,
  refusalError,
  sharedStorage,
  targetRefusals,
  type Override,
  type Refusal,
  type RefusalCode,
  type SourceFacts,
  type TargetFacts,
} from './refusals.js';
export { createTargetFile, identifyTarget, resizeTargetFile } from './local/target.js';
export { parseAddress, type RemoteAddress } from './remote/address.js';
export type { RemoteVolume } from './remote/remote-volume.js';
export type { AgentSession } from './remote/session.js';
export type { RemoteShell } from './remote/ssh.js';
export { surveyHostStorage } from './local/host-storage.js';
export type { HostStorage, Usage } from './usage.js';
export { lendAll, type HostVolume, type Volume, type WriteCounter } from './volume.js';
