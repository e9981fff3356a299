/**
 * Signatures of a volume outside the ranges that its manifest covers: programs may take the volume for
 * something else.
 */

import type { UsedMap } from '../../../fsparsers/index.js';
import type { Manifest } from '../../manifest/index.js';
import { extentOf, intersect, subtract } from '../../region/index.js';
import type { Volume } from '../../volume/index.js';
import { type Layout, layoutOf } from '../stray-signatures.js';
import type { ChangeLog, Span } from '../verify/index.js';
import { isWhole, strayDoubts, strayDoubtsInUse } from '../verify/stray-doubts.js';

export interface ManifestStrays {
  readonly manifest: Manifest;
  readonly volume: Volume;
  /** The map of the volume; null where it cannot be read as the manifest's file system. */
  readonly map: UsedMap | null;
  readonly span: Span;
  /** Null: the volume is at rest. */
  readonly changeLog: ChangeLog | null;
}

/** One sentence each. */
export async function manifestStrays(given: ManifestStrays): Promise<string[]> {
  const { manifest, volume: target, span, changeLog } = given;
  if (!isWhole(span, manifest.header.deviceBytes)) return [];
  const look = { target, source: null, layout: await uncoveredBy(given) };
  return changeLog === null ? strayDoubts(look) : strayDoubtsInUse(look, changeLog);
}

/** The ranges that the manifest does not cover and the volume has not put to use since. */
async function uncoveredBy({ manifest, map }: ManifestStrays): Promise<Layout> {
  const { deviceBytes } = manifest.header;
  const open = subtract(extentOf(0, deviceBytes), await manifest.extents());
  if (map === null) return { sourceBytes: deviceBytes, free: open, partitions: [] };
  const layout = layoutOf(map);
  return { ...layout, free: intersect(open, layout.free) };
}
