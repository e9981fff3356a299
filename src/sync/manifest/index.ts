/** Manifests: written of a volume, compared with one, compared with each other. */

export { type CheckRequest, checkManifest } from './check.js';
export { type MadeManifest, makeManifest, type MakeRequest } from './make.js';
export { compareManifests, type ManifestComparison } from './compare.js';
