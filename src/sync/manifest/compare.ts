/** Compares two manifests; reads no volume. */

import {
  diffManifests,
  type ManifestDifference,
  type ManifestHeader,
  openManifest,
} from '../../manifest/index.js';

export interface ManifestComparison extends ManifestDifference {
  readonly a: ManifestHeader;
  readonly b: ManifestHeader;
}

/** Rejects as openManifest() and diffManifests() do. */
export async function compareManifests(a: string, b: string): Promise<ManifestComparison> {
  await using left = await openManifest(a);
  await using right = await openManifest(b);
  return { a: left.header, b: right.header, ...(await diffManifests(left, right)) };
}
