/** Manifests: digests of what a volume held at one time, so that it can be checked without another copy. */

export { diffManifests, type ManifestDifference } from './diff.js';
export type { EngineChoice } from './digester.js';
export { isCellSize, type ManifestHeader } from './header.js';
export { comparatorOf } from './comparator.js';
export { type Manifest, openManifest } from './manifest.js';
export { type ManifestSummary, writeManifest } from './write.js';
