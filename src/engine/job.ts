/** A native job as the rest of fastsync sees it. */

import { addon, type JobKind, type NativeOutcome } from './addon.js';
import { EngineError } from './error.js';
import type { Job, JobResult } from './types.js';

type Settled = Omit<NativeOutcome, 'failure' | 'backend'> & Pick<JobResult, 'backend'>;

/** Starts native work; `resultOf` picks what this kind of job has to say. */
export function startJob<Result extends JobResult>(
  kind: JobKind,
  request: object,
  resultOf: (outcome: Settled) => Result,
): Job<Result> {
  const { Job } = addon();
  const job = new Job(kind, request);
  const settle = async (): Promise<Result> => {
    const { failure, backend, ...rest } = await job.done;
    if (failure !== null) throw new EngineError(failure);
    if (backend === '') throw new Error('a job that ran named no backend');
    return resultOf({ ...rest, backend });
  };
  return {
    progress: () => job.progress(),
    cancel: () => {
      job.cancel();
    },
    done: settle(),
  };
}
