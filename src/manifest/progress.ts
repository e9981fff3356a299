/** Progress of work that is done by several jobs, one after the other. */

import type { Progress } from '../engine/index.js';

export const noProgress: Progress = {
  totalBytes: 0,
  completedBytes: 0,
  durableBytes: 0,
  readBytes: 0,
  writtenBytes: 0,
  zeroBytes: 0,
  identicalBytes: 0,
  verifiedBytes: 0,
  badBytes: 0,
  differentBytes: 0,
  failedTargets: 0,
};

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
