/** A native job as the rest of fastsync sees it. */

import { waiting } from '../in-flight.js';
import { addon, type JobKind, type NativeOutcome } from './addon.js';
import { nameOfEndpoint } from './endpoint.js';
import { EngineError } from './error.js';
import type { EndpointDescription, IoFailure, Job, JobResult } from './types.js';

type Settled = Omit<NativeOutcome, 'failure' | 'backend' | 'linkFailures'> &
  Pick<JobResult, 'backend'>;

/** The endpoints of a job, by what a failure calls its side. */
export interface Sides {
  readonly source?: EndpointDescription;
  readonly targets?: readonly EndpointDescription[];
}

/**
 * Starts native work; `resultOf` picks what this kind of job reports. An error names the side that
 * failed, if its endpoint has a name. A job on a volume that was given up fails at once, and is
 * cancelled, should it ever go on.
 */
export function startJob<Result extends JobResult>(
  kind: JobKind,
  request: object,
  sides: Sides,
  resultOf: (outcome: Settled) => Result,
): Job<Result> {
  const { Job } = addon();
  const job = new Job(kind, request);
  const names = namesOf(sides);
  const settle = async (): Promise<Result> => {
    const { failure, backend, linkFailures, ...rest } = await job.done;
    tellLinkFailures(sides, linkFailures);
    if (failure !== null) {
      const { side } = failure;
      throw new EngineError(failure, names[side === 'source' ? 0 : side + 1]);
    }
    if (backend === '') throw new Error('a job that ran named no backend');
    return resultOf({ ...rest, backend });
  };
  const requests = () =>
    job.requests().map((one, index) => ({ ...one, name: names[index] ?? sideName(index) }));
  const done = waiting({
    names: names.filter((name) => name !== undefined),
    requests,
    done: settle,
  }).catch((error: unknown) => {
    job.cancel();
    throw error;
  });
  return {
    progress: () => job.progress(),
    cancel: () => {
      job.cancel();
    },
    done,
  };
}

/** What its sides are called, in the order in which native/ counts them: the source, and each target. */
function namesOf({ source, targets = [] }: Sides): readonly (string | undefined)[] {
  return [source, ...targets].map((side) => (side === undefined ? side : nameOfEndpoint(side)));
}

/** `failures`: in the order of namesOf(); none where the job did not come to its end. */
function tellLinkFailures(
  { source, targets = [] }: Sides,
  failures: readonly (IoFailure | null)[],
): void {
  for (const [index, side] of [source, ...targets].entries()) {
    const failure = failures[index];
    if (side?.kind === 'peer' && failure) side.onLinkFailure(failure);
  }
}

function sideName(index: number): string {
  return index === 0 ? 'the source' : `target ${index}`;
}
