/** Manifests: what a volume held at one time, digested, so that it can be checked without another copy. */

export { diffManifests, type ManifestDifference } from './diff.js';
export type { EngineChoice } from './digester.js';
export { ManifestError } from './error.js';
export { magic as manifestMagic } from './format.js';
export { isCellSize, type ManifestHeader } from './header.js';
export { comparatorOf, type ManifestComparator } from './comparator.js';
export { type Manifest, openManifest } from './manifest.js';
export { checkManifestPlace } from './new-file.js';
export {
  defaultCellBytes,
  type ManifestSummary,
  writeManifest,
  type WriteManifestRequest,
} from './write.js';
