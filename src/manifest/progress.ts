/** Progress of work that is done by several jobs, one after the other. */

import type { Progress } from '../engine/index.js';

/** What is done, and what a job has done since. The total is that of the whole work. */
export function addProgress(done: Progress, job: Progress): Progress {
  return {
    ...done,
    completedBytes: done.completedBytes + job.completedBytes,
    durableBytes: done.durableBytes + job.durableBytes,
    readBytes: done.readBytes + job.readBytes,
    badBytes: done.badBytes + job.badBytes,
  };
}
