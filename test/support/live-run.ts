/** Runs live() within a test, by the parts that the command uses, until the test has seen enough. */

import path from 'node:path';
import { live, type LiveResult, prepareLive, type Replica } from '../../src/sync/index.js';

/** Where `follow` keeps everything that outlives a run. */
export function followPlaces(directory: string) {
  return {
    stateDirectory: path.join(directory, 'state'),
    journalDirectory: path.join(directory, 'journal'),
  };
}

/** Follows until `onEpoch` gives true. Its state and journal lie in `directory`. */
export async function follow(
  directory: string,
  source: string,
  target: string,
  onEpoch: (replica: Replica) => Promise<boolean> | boolean,
): Promise<LiveResult> {
  const places = followPlaces(directory);
  const request = { ...places, source, targets: [target], overrides: new Set<never>() };
  await using prepared = await prepareLive(request);
  const stop = new AbortController();
  const options = {
    ...places,
    intervalMs: 100,
    maxFreezeMs: 60_000,
    map: {},
    hooks: { beforeFreeze: null, afterFreeze: null, timeoutMs: 1000 },
    effort: {},
    exclusive: true,
  };
  const [result] = await live(prepared, options, {
    signal: stop.signal,
    reporter: { report: () => undefined },
    onEpoch: async (replica) => {
      if (await onEpoch(replica)) stop.abort();
    },
  });
  if (result === undefined) throw new Error('nothing was followed');
  return result;
}
