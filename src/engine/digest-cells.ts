/** Digesting: the request checked and completed, then handed to native code. */

import { startJob } from './job.js';
import type { DigestAlgorithm, DigestRequest, DigestResult, Job } from './types.js';
import { sizeOfEndpoint } from './endpoint.js';
import { extentBytes, ioOptionsOf, powerOfTwo } from './validate.js';

/** The grids that a volume may be digested in: each size is a power of two. */
export const leastCellBytes = 512;
export const mostCellBytes = 16 * 1024 * 1024;

/** Bytes of one digest. */
export const digestBytes: Readonly<Record<DigestAlgorithm, number>> = {
  'xxh3-128': 16,
  xxh64: 8,
  sha256: 32,
};

/**
 * Digests `extents` of a volume, past the page cache where that is possible: one digest for each cell
 * of a grid of `cellBytes`, over the bytes of the extents that lie in it. Unreadable ranges are listed
 * and their cells left out. A job that was cancelled gives the cells that it had finished.
 *
 * Throws RangeError or TypeError for a request that makes no sense. `done` rejects with EngineError
 * only where going on is of no use, such as a device that is gone.
 */
export function digestCells(request: DigestRequest): Job<DigestResult> {
  const { source, extents, algorithm } = request;
  extentBytes(extents, sizeOfEndpoint('the source', source));
  refuseDisorder(extents);
  if (!Object.hasOwn(digestBytes, algorithm)) {
    const known = Object.keys(digestBytes).join(', ');
    throw new RangeError(`Expected algorithm to be one of ${known}, got ${algorithm}`);
  }
  const grid = { least: leastCellBytes, most: mostCellBytes };
  const cellBytes = powerOfTwo('cellBytes', request.cellBytes, grid);
  return startJob(
    'digest',
    { ...ioOptionsOf(request), source, extents, algorithm, cellBytes },
    { source },
    ({ progress, backend, cancelled, cells, digests, badRanges }) => ({
      progress,
      backend,
      cancelled,
      cells,
      digests,
      unreadableRanges: badRanges,
    }),
  );
}

function refuseDisorder(extents: Float64Array): void {
  for (let i = 2; i < extents.length; i += 2) {
    if ((extents[i] as number) < (extents[i - 2] as number)) {
      throw new RangeError('Expected extents in ascending order');
    }
  }
}
