/**
 * Watches a running job: passes progress to the reporter and durable progress to the checkpoint, and
 * cancels it on a signal.
 */

import type { Job, JobResult, Progress } from '../engine/index.js';

const pollMs = 100;

export interface Watch {
  /** Called about ten times a second, and once more at the end. */
  readonly onProgress?: (progress: Progress) => void;
  /** Called when more of the work list has become durable; awaited before it is called again. */
  readonly onDurable?: (progress: Progress) => Promise<void>;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Waits for a job to end. Resolves with its result, also when the signal cancelled it; rejects as
 * the job does, or as `onDurable` does (after cancelling the job).
 */
export async function watchJob<Result extends JobResult>(
  job: Job<Result>,
  { onProgress, onDurable, signal }: Watch,
): Promise<Result> {
  const cancel = () => {
    job.cancel();
  };
  if (signal?.aborted) cancel();
  signal?.addEventListener('abort', cancel);

  let durableBytes = job.progress().durableBytes;
  let saving: Promise<void> = Promise.resolve();
  let failure: { error: unknown } | undefined;
  let isSaving = false;
  const look = () => {
    const progress = job.progress();
    onProgress?.(progress);
    if (onDurable === undefined || isSaving || progress.durableBytes <= durableBytes) return;
    durableBytes = progress.durableBytes;
    isSaving = true;
    saving = onDurable(progress)
      .catch((error: unknown) => {
        failure ??= { error };
        job.cancel();
      })
      .finally(() => {
        isSaving = false;
      });
  };

  const timer = setInterval(look, pollMs);
  const [ended] = await Promise.allSettled([job.done]);
  clearInterval(timer);
  signal?.removeEventListener('abort', cancel);
  await saving;
  look();
  await saving;
  // A checkpoint that cannot be written must be reported, even if the copy itself succeeded.
  if (failure !== undefined) throw failure.error;
  if (ended.status === 'rejected') throw ended.reason;
  return ended.value;
}
