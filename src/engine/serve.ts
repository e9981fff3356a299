/** Serving blocks: the other end of a job's side on another host. */

import { startJob } from './job.js';
import type { Job, JobResult, ServeRequest } from './types.js';
import { byteCount, ioOptionsOf } from './validate.js';

/**
 * Does to a volume what the blocks of a link ask for, within `sizeBytes`, until they ask for the end.
 * Whatever comes from the link is checked before anything is done with it.
 *
 * `done` rejects with EngineError of the syscall `link` where the stream ended otherwise, or its peer fell
 * silent or sent nonsense; cancel() ends it so.
 */
export function serveBlocks(request: ServeRequest): Job<JobResult> {
  const { volume, link } = request;
  const sizeBytes = byteCount('sizeBytes', request.sizeBytes);
  return startJob(
    'serve',
    { ...ioOptionsOf(request), volume, sizeBytes, link },
    { targets: [volume] },
    ({ progress, backend, cancelled }) => ({ progress, backend, cancelled }),
  );
}
