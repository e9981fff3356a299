/** Who digests a volume's cells: the native engine, or a few lines that run anywhere. */

import { digestCells, type DigestResult, type Effort, type Job } from '../engine/index.js';
import type { ExtentList } from '../region/index.js';
import type { LocalVolume } from '../volume/index.js';
import type { ManifestHeader } from './header.js';
import { digestPortably } from './portable.js';

export type EngineChoice = 'native' | 'portable';

/** Digests of the cells that the extents touch, as {@link digestCells} gives them. */
export type Digester = (extents: ExtentList, effort: Effort) => Job<DigestResult>;

export function digesterOf(
  engine: EngineChoice,
  volume: LocalVolume,
  { algorithm, cellBytes }: ManifestHeader,
): Digester {
  return engine === 'portable'
    ? (extents, effort) => digestPortably(volume.handle, extents, cellBytes, effort)
    : (extents, effort) => digestCells({ ...effort, fd: volume.fd, extents, algorithm, cellBytes });
}
