/** Copying: the request checked and completed, then handed to native code. */

import { startJob } from './job.js';
import type { CopyRequest, CopyResult, EndpointDescription, Job } from './types.js';
import { sizeOfEndpoint } from './endpoint.js';
import { extentBytes, ioOptionsOf, wholeNumber } from './validate.js';

const dayMs = 24 * 60 * 60 * 1000;

function requireRoom(targets: readonly EndpointDescription[], neededBytes: number): void {
  for (const target of targets) {
    const sizeBytes = sizeOfEndpoint('a target', target);
    if (sizeBytes < neededBytes) {
      throw new RangeError(
        `Expected every target to hold ${neededBytes} bytes, got one of ${sizeBytes}`,
      );
    }
  }
}

function furthestEnd(extents: CopyRequest['extents']): number {
  let end = 0;
  for (let i = 0; i < extents.length; i += 2) {
    end = Math.max(end, (extents[i] as number) + (extents[i + 1] as number));
  }
  return end;
}

/**
 * Copies `extents` from the source to every target. Targets already have their size: nothing is
 * written beside the extents and no file grows. The descriptors may be closed once this returns.
 *
 * Throws RangeError or TypeError for a request that makes no sense. `done` rejects with EngineError
 * when the source cannot be read (unless `rescue`) or no target is left; what was completed before
 * that is flushed, and counted in `durableBytes`.
 *
 * With `compare`, ranges that cannot be read are left as they are on the targets, which may hold the
 * last good copy; without it they become zeroes there. `writtenBytes`, `zeroBytes` and
 * `identicalBytes` are summed over all targets.
 */
export function copy(request: CopyRequest): Job<CopyResult> {
  const { source, targets, extents } = request;
  if (targets.length === 0) throw new RangeError('Expected at least one target, got none');
  const totalBytes = extentBytes(extents, sizeOfEndpoint('the source', source));
  requireRoom(targets, furthestEnd(extents));
  const start = { least: 0, most: totalBytes };
  const pause = { least: 1, most: dayMs };

  return startJob(
    'copy',
    {
      ...ioOptionsOf(request),
      source,
      targets: [...targets],
      extents,
      startAtBytes: wholeNumber('startAtBytes', request.startAtBytes ?? 0, start),
      compare: request.compare ?? false,
      verify: request.verify ?? false,
      rescue: request.rescue ?? false,
      targetsAreZero: request.targetsAreZero ?? false,
      flushEveryMs: wholeNumber('flushEveryMs', request.flushEveryMs ?? 5000, pause),
    },
    { source, targets },
    ({ badRanges, targetFailures, progress, backend, cancelled }) => ({
      badRanges,
      targetFailures,
      progress,
      backend,
      cancelled,
    }),
  );
}
