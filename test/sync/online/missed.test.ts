/** Writes that the tracker may have missed: nothing that was copied is believed, and the copy is right. */

import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import {
  beginOnline,
  type Begun,
  type OnlineOptions,
  prepareSeed,
  seedOnline,
} from '../../../src/sync/index.js';
import type { RunEvent } from '../../../src/report/index.js';
import type { Drained, Tracker } from '../../../src/tracker/index.js';
import { checkLoad, fsyncLoad, onlineKinds, onlineSource } from '../../support/online.js';

const { ext4 } = onlineKinds;
const online: OnlineOptions = {
  maxFreezeMs: 5000,
  maxRounds: 16,
  cutover: true,
  granularityBytes: null,
  hooks: { beforeFreeze: null, afterFreeze: null, timeoutMs: 1000 },
};

/** Sees nothing at all; from its drain number `admitsAt` on it says so. */
function blind(tracker: Tracker, admitsAt: number): Tracker {
  let drains = 0;
  return {
    volume: tracker.volume,
    granularityBytes: tracker.granularityBytes,
    drain: (): Promise<Drained> => {
      const missed = ++drains >= admitsAt ? 'it was blindfolded' : null;
      return Promise.resolve({ dirty: new Float64Array(), missed });
    },
    peek: () => tracker.peek(),
    health: () => tracker.health(),
    stop: () => tracker.stop(),
    [Symbol.asyncDispose]: () => tracker.stop(),
  };
}

async function seedBlind(t: ExecutionContext, admitsAt: number) {
  const source = await onlineSource(t, ext4);
  const load = await fsyncLoad(t, source, 'load', 3);
  const dst = path.join(source.scratch, 'target.img');
  const { signal } = new AbortController();
  const events: RunEvent[] = [];
  const reporter = { report: (event: RunEvent) => events.push(event) };
  const work = { map: {}, dirty: 'refuse', spared: [], signal } as const;
  const request = { ...work, source: source.device, targets: [dst], overrides: new Set<never>() };
  const started: { begun?: Begun } = {};
  await using prepared = await prepareSeed(request, async (volume) => {
    started.begun = await beginOnline({ ...work, ...online, source: volume });
    return started.begun.map;
  });
  await using opened = await prepared.openTargets();
  const begun = started.begun as Begun;
  const plain = { compare: false, verify: false, rescue: false, resume: true, effort: {} };
  const stateDirectory = path.join(source.scratch, 'state');
  const options = { ...plain, free: 'skip', checkpointEveryMs: 50, stateDirectory } as const;
  const result = await seedOnline({
    ...work,
    source: prepared.source,
    targets: opened.targets,
    begun: { ...begun, tracker: blind(begun.tracker, admitsAt) },
    online,
    options,
    reporter,
  });
  await load.stop();
  const pointInTimeMs = Date.parse(result.cutover?.pointInTime ?? '');
  return { result, events, ...(await checkLoad(t, ext4, dst, load, pointInTimeMs)) };
}

for (const [when, admitsAt] of [
  ['at the first look', 1],
  ['on the way to the freeze', 2],
] as const) {
  test.serial(`missed ${when}: everything is compared, and right`, async (t) => {
    const { result, events, lost, checked } = await seedBlind(t, admitsAt);
    t.deepEqual(lost, []);
    t.true(checked > 5);
    t.true(result.seed.identicalBytes > 0, 'it was compared');
    const codes = events.flatMap((event) => (event.type === 'note' ? [event.code] : []));
    t.true(codes.includes('TRACKER_MISSED'));
  });
}

test.serial('the test itself: a tracker that says nothing loses fsyncs', async (t) => {
  const { lost } = await seedBlind(t, Infinity);
  t.true(lost.length > 0);
});
