/** Writes that the tracker may have missed: nothing that was copied is believed, and the copy is right. */

import { readFile } from 'node:fs/promises';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import {
  type OnlineOptions,
  prepareOnlineSeed,
  seedOnline,
  UnfinishedTargets,
} from '../../../src/sync/index.js';
import type { RunEvent } from '../../../src/report/index.js';
import type { Drained, Tracker } from '../../../src/tracker/index.js';
import { until } from '../../support/until.js';
import { writer } from '../../volume/freeze/freezing.js';
import {
  checkLoad,
  fsyncLoad,
  onlineKinds,
  onlineSource,
  type OnlineSource,
} from '../../support/online.js';

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

type OnNote = (code: string) => void;

async function seedBlind(t: ExecutionContext, admits: Admits) {
  const source = await onlineSource(t, ext4);
  const load = await fsyncLoad(t, source, 'load', 3);
  const dst = path.join(source.scratch, 'target.img');
  const { signal } = new AbortController();
  const codes: string[] = [];
  const onNote: OnNote = (code) => codes.push(code);
  const result = await seedFrom(source, dst, admits, {
    signal,
    onNote,
    unfinished: new UnfinishedTargets(),
  });
  await load.stop();
  const pointInTimeMs = Date.parse(result.cutover?.consistentAt ?? '');
  return { result, codes, ...(await checkLoad(t, ext4, dst, load, pointInTimeMs)) };
}

interface Watching {
  readonly signal: AbortSignal;
  readonly onNote: OnNote;
  readonly unfinished: UnfinishedTargets;
}

async function seedFrom(
  source: OnlineSource,
  dst: string,
  admits: Admits,
  { signal, onNote, unfinished }: Watching,
) {
  const reporter = {
    report: (event: RunEvent) => {
      if (event.type === 'note') onNote(event.code);
    },
  };
  const work = { map: {}, dirty: 'refuse', mustNotFreeze: [], signal } as const;
  const request = {
    ...work,
    source: source.device,
    targets: [dst],
    overrides: new Set<never>(),
    stateDirectory: path.join(source.scratch, 'state'),
  };
  await using prepared = await prepareOnlineSeed(
    { ...request, dirty: 'refuse' },
    { ...work, ...online },
  );
  await using opened = await prepared.openTargets();
  const begun = prepared.mapped;
  const plain = { compare: false, verify: false, rescue: false, resume: true, ioOptions: {} };
  const stateDirectory = path.join(source.scratch, 'state');
  const options = { ...plain, free: 'skip', checkpointEveryMs: 50, stateDirectory } as const;
  return await seedOnline({
    ...work,
    source: prepared.source,
    targets: opened.targets,
    begun: { ...begun, tracker: blind(begun.tracker, (drain) => admits(drain, source.directory)) },
    online,
    options,
    reporter,
    unfinished,
  });
}

const moments: readonly (readonly [string, Admits])[] = [
  ['at the first look', (drain) => drain === 1],
  ['on the way to the freeze', (drain) => drain === 2],
  ['in the freeze', (_, directory) => isFrozen(directory)],
];
for (const [when, admits] of moments) {
  test.serial(`missed ${when}: everything is compared, and right`, async (t) => {
    const { result, codes, lost, checked } = await seedBlind(t, admits);
    t.deepEqual(lost, []);
    t.true(checked > 5);
    t.true(result.seed.identicalBytes > 0, 'it was compared');
    t.true(codes.includes('TRACKER_MISSED'));
  });
}

test.serial(
  'stopped while the tracker is started anew: the target is said to be unfinished',
  async (t) => {
    const source = await onlineSource(t, ext4);
    const dst = path.join(source.scratch, 'target.img');
    const controller = new AbortController();
    const unfinished = new UnfinishedTargets();
    const onNote: OnNote = (code) => {
      if (code === 'TRACKER_MISSED') controller.abort();
    };
    const { signal } = controller;
    const watching = { signal, onNote, unfinished };
    const run = seedFrom(source, dst, () => true, watching);
    const error = await run.catch((thrown: unknown) => thrown);
    t.is((error as Error).name, 'AbortError');
    t.deepEqual(unfinished.left, [`${dst} is unfinished: it has no signature`]);
    t.is((await execa('blkid', ['-p', dst], { reject: false })).exitCode, 2);
  },
);

test.serial('the test itself: a tracker that says nothing loses fsyncs', async (t) => {
  const { lost } = await seedBlind(t, () => false);
  t.true(lost.length > 0);
});
