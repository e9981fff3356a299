/** Runs live() within a test, by the parts that the command uses, until the test has seen enough. */

import path from 'node:path';
import {
  live,
  type LiveContext,
  type LiveResult,
  prepareLive,
  type ReplicaRecord,
} from '../../src/sync/index.js';

/** Where `follow` keeps everything that outlives a run. */
export function followPlaces(directory: string) {
  return {
    stateDirectory: path.join(directory, 'state'),
    journalDirectory: path.join(directory, 'journal'),
  };
}

export interface FollowOptions extends Pick<LiveContext, 'startTracker'> {
  readonly journalDirectory?: string;
  readonly intervalMs?: number;
  /** Ends it before. */
  readonly signal?: AbortSignal;
}

/** Follows until `onEpoch` gives true. Its state lies in `directory`, its journal too if nothing else is said. */
export async function follow(
  directory: string,
  source: string,
  target: string,
  onEpoch: (replica: ReplicaRecord) => Promise<boolean> | boolean,
  { signal, startTracker, intervalMs = 100, ...elsewhere }: FollowOptions = {},
): Promise<LiveResult> {
  const places = { ...followPlaces(directory), ...elsewhere };
  const request = { ...places, source, targets: [target], overrides: new Set<never>() };
  await using prepared = await prepareLive(request);
  const stop = new AbortController();
  const options = {
    ...places,
    intervalMs,
    maxFreezeMs: 60_000,
    map: {},
    hooks: { beforeFreeze: null, afterFreeze: null, timeoutMs: 1000 },
    ioOptions: {},
    exclusive: true,
  };
  const [result] = await live(prepared, options, {
    signal: signal === undefined ? stop.signal : AbortSignal.any([stop.signal, signal]),
    ...(startTracker === undefined ? {} : { startTracker }),
    reporter: { report: () => undefined },
    onEpoch: async (replica) => {
      if (await onEpoch(replica)) stop.abort();
    },
  });
  if (result === undefined) throw new Error('nothing was followed');
  return result;
}
