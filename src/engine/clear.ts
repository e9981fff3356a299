/** Clearing: the request checked and completed, then handed to native code. */

import { startJob } from './job.js';
import type { ClearRequest, ClearResult, Job } from './types.js';
import { sizeOfEndpoint } from './endpoint.js';
import { extentBytes, ioOptionsOf } from './validate.js';

/**
 * Discards `extents` of a volume, or makes them read as zeroes by the cheapest way that the device or
 * file system has. A discard leaves the odd bytes of unaligned ends alone, and promises nothing about
 * what is read afterwards. `durableBytes` moves at the end.
 *
 * Throws RangeError or TypeError for a request that makes no sense. `done` rejects with EngineError
 * when a write fails, or with code ENOTSUP when the device cannot discard.
 */
export function clear(request: ClearRequest): Job<ClearResult> {
  const { target, extents, mode } = request;
  extentBytes(extents, sizeOfEndpoint('the target', target));
  if (!['discard', 'zero'].includes(mode)) {
    throw new RangeError(`Expected mode to be discard or zero, got ${mode}`);
  }
  return startJob(
    'clear',
    { ...ioOptionsOf(request), target, extents, mode },
    { targets: [target] },
    ({ progress, backend, cancelled }) => ({ progress, backend, cancelled }),
  );
}
