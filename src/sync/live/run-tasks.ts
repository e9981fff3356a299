/** Runs the tasks of all replicas in parallel, and reports their state about once a second. */

import type { FastsyncError } from '../../errors.js';
import type { Reporter } from '../../report/index.js';
import type { LiveContext, LiveResult } from './live-options.js';
import { type ReplicaTask, unseenOn } from './replica-task.js';
import type { ReplicationSource } from './replication-source.js';

const lookEveryMs = 1000;

/** Runs until the signal fires, or until every replica has failed: then it rejects with one of their errors. */
export async function runTasks(
  tasks: readonly ReplicaTask[],
  replicationSource: ReplicationSource,
  { onLook, reporter, signal }: LiveContext,
): Promise<LiveResult[]> {
  const errors = new Map<ReplicaTask, unknown>();
  const running = Promise.all(
    tasks.map(async (task) => {
      try {
        await task.replica.run();
      } catch (error) {
        errors.set(task, error);
        if (errors.size < tasks.length) reportGivenUp(task, error, reporter);
      }
    }),
  );
  const look = async () => {
    await Promise.all(tasks.map(({ status }) => status.update()));
    const unseen = await unseenOn(replicationSource);
    const results = tasks.map((task) => task.resultWith(unseen));
    onLook?.(results);
    return results;
  };
  const over = running.then(() => true);
  do await look();
  while (!(await Promise.race([over, pause(lookEveryMs, signal)])));
  const results = await look();
  // Replicas that failed did not stop because of the signal.
  if (errors.size === tasks.length) throw errors.values().next().value;
  return results;
}

function reportGivenUp({ replica }: ReplicaTask, error: unknown, reporter: Reporter): void {
  const { code = 'INTERNAL', message, remedy = null } = error as Partial<FastsyncError>;
  const text = `gave up on ${replica.name}: ${message ?? String(error)}`;
  reporter.report({ type: 'error', code, message: text, remedy });
}

/**
 * Resolves with false after that time, or as soon as the signal fires; a signal that has already fired is
 * ignored.
 */
function pause(ms: number, signal: AbortSignal): Promise<false> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve(false);
    };
    const timer = setTimeout(end, ms);
    if (!signal.aborted) signal.addEventListener('abort', end);
  });
}
