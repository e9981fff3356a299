/** Writes that the tracker may have missed: nothing that was copied is believed, and the copy is right. */

import { readFile } from 'node:fs/promises';
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
import { until, writer } from '../../volume/freezing.js';
import { checkLoad, fsyncLoad, onlineKinds, onlineSource } from '../../support/online.js';

const { ext4 } = onlineKinds;
const online: OnlineOptions = {
  maxFreezeMs: 5000,
  maxRounds: 16,
  cutover: true,
  granularityBytes: null,
  hooks: { beforeFreeze: null, afterFreeze: null, timeoutMs: 1000 },
};

/** Whether a tracker that has missed writes says so at this drain of it, its first being 1. */
type Admits = (drain: number, directory: string) => Promise<boolean> | boolean;

/** Sees nothing at all; once it has admitted that, it says so again. */
function blind(tracker: Tracker, admits: (drain: number) => Promise<boolean> | boolean): Tracker {
  let drains = 0;
  let hasAdmitted = false;
  return {
    volume: tracker.volume,
    granularityBytes: tracker.granularityBytes,
    drain: async (): Promise<Drained> => {
      hasAdmitted ||= await admits(++drains);
      const missed = hasAdmitted ? 'it was blindfolded' : null;
      return { dirty: new Float64Array(), missed };
    },
    peek: () => tracker.peek(),
    health: () => tracker.health(),
    stop: () => tracker.stop(),
    [Symbol.asyncDispose]: () => tracker.stop(),
  };
}

/** Whether a writer has to wait for a thaw. */
async function isFrozen(directory: string): Promise<boolean> {
  const child = writer(directory, 'asking');
  let isWaiting = false;
  await until(async () => {
    const place = await readFile(`/proc/${child.pid ?? 0}/wchan`, 'utf8').catch(() => '');
    isWaiting = place.includes('percpu_rwsem');
    return isWaiting || child.exitCode !== null;
  });
  return isWaiting;
}

async function seedBlind(t: ExecutionContext, admits: Admits) {
  const source = await onlineSource(t, ext4);
  const load = await fsyncLoad(t, source, 'load', 3);
  const dst = path.join(source.scratch, 'target.img');
  const { signal } = new AbortController();
  const events: RunEvent[] = [];
  const reporter = { report: (event: RunEvent) => events.push(event) };
  const work = { map: {}, dirty: 'refuse', spared: [], signal } as const;
  const request = {
    ...work,
    source: source.device,
    targets: [dst],
    overrides: new Set<never>(),
    stateDirectory: path.join(source.scratch, 'state'),
  };
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
    begun: { ...begun, tracker: blind(begun.tracker, (drain) => admits(drain, source.directory)) },
    online,
    options,
    reporter,
  });
  await load.stop();
  const pointInTimeMs = Date.parse(result.cutover?.pointInTime ?? '');
  return { result, events, ...(await checkLoad(t, ext4, dst, load, pointInTimeMs)) };
}

const moments: readonly (readonly [string, Admits])[] = [
  ['at the first look', (drain) => drain === 1],
  ['on the way to the freeze', (drain) => drain === 2],
  ['in the freeze', (_, directory) => isFrozen(directory)],
];
for (const [when, admits] of moments) {
  test.serial(`missed ${when}: everything is compared, and right`, async (t) => {
    const { result, events, lost, checked } = await seedBlind(t, admits);
    t.deepEqual(lost, []);
    t.true(checked > 5);
    t.true(result.seed.identicalBytes > 0, 'it was compared');
    const codes = events.flatMap((event) => (event.type === 'note' ? [event.code] : []));
    t.true(codes.includes('TRACKER_MISSED'));
  });
}

test.serial('the test itself: a tracker that says nothing loses fsyncs', async (t) => {
  const { lost } = await seedBlind(t, () => false);
  t.true(lost.length > 0);
});
