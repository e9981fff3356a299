/** Comparing: the request checked and completed, then handed to native code. */

import { startJob } from './job.js';
import type { CompareRequest, CompareResult, Job } from './types.js';
import { sizeOfEndpoint } from './endpoint.js';
import { extentBytes, ioOptionsOf, powerOfTwo, wholeNumber } from './validate.js';

/**
 * Compares `extents` of two volumes by reading both sides at once, past the page cache where that is
 * possible. Nothing is written. Ranges that one side or the other cannot read are listed, not compared;
 * they count in `badBytes`.
 *
 * Throws RangeError or TypeError for a request that makes no sense. `done` rejects with EngineError
 * only where going on is of no use, such as a device that is gone; its side is then `source` for the
 * left and 0 for the right.
 */
export function compare(request: CompareRequest): Job<CompareResult> {
  const { left, right, extents } = request;
  const sizeBytes = Math.min(
    sizeOfEndpoint('the left side', left),
    sizeOfEndpoint('the right side', right),
  );
  const totalBytes = extentBytes(extents, sizeBytes);
  const start = { least: 0, most: totalBytes };
  return startJob(
    'compare',
    {
      ...ioOptionsOf(request),
      left,
      right,
      extents,
      startAtBytes: wholeNumber('startAtBytes', request.startAtBytes ?? 0, start),
      granularityBytes: powerOfTwo('granularityBytes', request.granularityBytes ?? 4096, {
        least: 512,
        most: 2 ** 20,
      }),
    },
    { source: left, targets: [right] },
    ({ progress, backend, cancelled, differentRanges, badRanges }) => ({
      progress,
      backend,
      cancelled,
      differentRanges,
      unreadableRanges: badRanges,
    }),
  );
}
