/** Digests a volume's cells: with the native engine, or with JavaScript and WebAssembly, which run anywhere. */

import { digestCells, type DigestResult, type IoOptions, type Job } from '../engine/index.js';
import type { ExtentList } from '../region/index.js';
import type { HostVolume } from '../volume/index.js';
import type { ManifestHeader } from './header.js';
import { digestPortably } from './portable.js';

export type EngineChoice = 'native' | 'portable';

/** Digests of the cells that the extents touch, as {@link digestCells} gives them. */
export type Digester = (extents: ExtentList, ioOptions: IoOptions) => Job<DigestResult>;

export function digesterOf(
  engine: EngineChoice,
  volume: HostVolume,
  { algorithm, cellBytes }: ManifestHeader,
): Digester {
  return engine === 'portable'
    ? (extents, ioOptions) => digestPortably(volume, extents, cellBytes, ioOptions)
    : (extents, ioOptions) =>
        digestCells({ ...ioOptions, source: volume.endpoint, extents, algorithm, cellBytes });
}
