/** A native job as the rest of fastsync sees it. */

import { addon, type JobKind, type NativeOutcome } from './addon.js';
import { nameOfEndpoint } from './endpoint.js';
import { EngineError } from './error.js';
import type { EndpointDescription, IoFailure, Job, JobResult } from './types.js';

type Settled = Omit<NativeOutcome, 'failure' | 'backend'> & Pick<JobResult, 'backend'>;

/** The endpoints of a job, by what a failure calls its side. */
export interface Sides {
  readonly source?: EndpointDescription;
  readonly targets?: readonly EndpointDescription[];
}

/**
 * Starts native work; `resultOf` picks what this kind of job reports. An error names the side that
 * failed, if its endpoint has a name.
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
    const endpoint = side === 'source' ? sides.source : sides.targets?.[side];
    return endpoint === undefined ? undefined : nameOfEndpoint(endpoint);
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
