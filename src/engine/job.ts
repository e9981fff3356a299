/** A native job as the rest of fastsync sees it. */

import { nameOfDescriptor } from '../descriptors.js';
import { addon, type JobKind, type NativeOutcome } from './addon.js';
import { EngineError } from './error.js';
import type { IoFailure, Job, JobResult } from './types.js';

type Settled = Omit<NativeOutcome, 'failure' | 'backend'> & Pick<JobResult, 'backend'>;

/** The descriptors that a job works on, by what a failure calls its side. */
export interface Sides {
  readonly source?: number;
  readonly targets?: readonly number[];
}

/**
 * Starts native work; `resultOf` picks what this kind of job has to say. A failure is told with the name
 * of the side that failed, where its descriptor has one.
 */
export function startJob<Result extends JobResult>(
  kind: JobKind,
  request: object,
  sides: Sides,
  resultOf: (outcome: Settled) => Result,
): Job<Result> {
  const { Job } = addon();
  const job = new Job(kind, request);
  const nameOf = (side: IoFailure['side']) => {
    const fd = side === 'source' ? sides.source : sides.targets?.[side];
    return fd === undefined ? undefined : nameOfDescriptor(fd);
  };
  const settle = async (): Promise<Result> => {
    const { failure, backend, ...rest } = await job.done;
    if (failure !== null) throw new EngineError(failure, nameOf(failure.side));
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
