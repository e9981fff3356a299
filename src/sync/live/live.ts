/** Replicates a source to any number of targets, each at its own pace, until the run is told to stop. */

import { startTracker } from '../../tracker/index.js';
import { hazardRefusals, refusalError } from '../../volume/index.js';
import { hookFailure } from '../consistency/freeze-hooks.js';
import { mapQuickly } from '../consistency/map-at-moment.js';
import type { LiveContext, LiveOptions, LiveResult } from './live-options.js';
import type { PreparedLive } from './prepare.js';
import { ReplicaTask } from './replica-task.js';
import { ReplicationSource } from './replication-source.js';
import { runTasks } from './run-tasks.js';

/** Runs until the signal fires. When every target has failed, rejects with the error of one of them. */
export async function live(
  prepared: PreparedLive,
  options: LiveOptions,
  context: LiveContext,
): Promise<LiveResult[]> {
  const { source, targets } = prepared;
  const replicationSource = await startSource(prepared, options, context);
  const tasks: ReplicaTask[] = [];
  try {
    for (const target of targets) {
      tasks.push(await ReplicaTask.open({ source, target, replicationSource, options, context }));
    }
    return await runTasks(tasks, replicationSource, context);
  } finally {
    await replicationSource.stop();
    for (const task of tasks.reverse()) await task[Symbol.asyncDispose]();
  }
}

function startSource(
  { source, targets }: PreparedLive,
  { map, maxFreezeMs, hooks, stateDirectory, journalDirectory }: LiveOptions,
  { reporter, signal, startTracker: start = startTracker }: LiveContext,
): Promise<ReplicationSource> {
  const readMap = mapQuickly(source.identity, map);
  return ReplicationSource.start({
    volume: source,
    startTracker: start,
    readMap: async (reader, stop) => {
      const found = await readMap(reader, stop);
      const [hazard] = hazardRefusals(source.identity, found.hazards ?? []);
      if (hazard !== undefined) throw refusalError(hazard);
      return found;
    },
    maxFreezeMs,
    hooks,
    mustNotFreeze: [...targets.map(({ target }) => target.path), stateDirectory, journalDirectory],
    signal,
    onMissed: ({ code, message, remedy }) => {
      const text = `${message}; ${remedy ?? ''}`;
      reporter.report({ type: 'note', severity: 'warning', code, message: text });
    },
    onHookFailure: (error) => {
      reporter.report(hookFailure(error));
    },
  });
}
