/** Manifests: writing one of a volume, verifying a volume against one, comparing two. */

export { type CheckRequest, checkManifest } from './check.js';
export { type MadeManifest, makeManifest, type MakeRequest } from './make.js';
export { compareManifests, type ManifestComparison } from './compare.js';
