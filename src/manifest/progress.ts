/** Progress of work that several jobs do one after the other. */

import type { Progress } from '../engine/index.js';

/** Adds the progress of a job to what was done before it. The total is that of the whole work. */
export function addProgress(done: Progress, job: Progress): Progress {
  return {
    ...done,
    completedBytes: done.completedBytes + job.completedBytes,
    durableBytes: done.durableBytes + job.durableBytes,
    readBytes: done.readBytes + job.readBytes,
    badBytes: done.badBytes + job.badBytes,
  };
}
