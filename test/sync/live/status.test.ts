/** What a status says is true of the moment that it gives: a target is level only where that was looked at. */

import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import {
  type LiveNews,
  type LiveStatus,
  StatusWriter,
} from '../../../src/sync/live/status-file.js';
import { startTracker, type Tracker } from '../../../src/tracker/index.js';
import { statusIn } from '../../support/following.js';
import { follow } from '../../support/live-run.js';
import { attachLoop, scratchDirectory, sparseFile } from '../../support/scratch.js';
import { mebibyte } from '../../support/seeding.js';

/** An ext4 on a loop device that nobody has mounted. */
async function scene(t: ExecutionContext) {
  const directory = await scratchDirectory(t);
  const image = await sparseFile(path.join(directory, 'source.img'), 16 * mebibyte);
  await execa('mkfs.ext4', ['-q', '-F', image]);
  const device = await attachLoop(t, image);
  return { directory, device, target: path.join(directory, 'target.img') };
}

/** Writes to the device what is there already. */
async function touch(device: string): Promise<void> {
  const place = ['bs=4096', 'skip=64', 'seek=64', 'count=1', 'conv=notrunc,fsync'];
  await execa('dd', [`if=${device}`, `of=${device}`, ...place]);
}

/** All statuses that are seen while the action runs, and that say what is not so. */
async function falsehoods(
  directory: string,
  isFalse: (status: LiveStatus) => boolean,
  action: () => Promise<unknown>,
): Promise<LiveStatus[]> {
  const found: LiveStatus[] = [];
  const over = new AbortController();
  const watching = (async () => {
    while (!over.signal.aborted) {
      const status = (await statusIn(directory).catch(() => null)) as LiveStatus | null;
      if (status !== null && isFalse(status)) found.push(status);
      await sleep(1);
    }
  })();
  try {
    await action();
  } finally {
    over.abort();
    await watching;
  }
  return found;
}

/** Whether it says that the target has everything. */
const isLevel = ({ state, dirtyBytes }: LiveStatus) => state === 'following' && dirtyBytes === 0;

test.serial('what was written while an epoch came is dirty as soon as it is there', async (t) => {
  const { directory, device, target } = await scene(t);
  let writtenIn = 0;
  const isFalse = (status: LiveStatus) => status.epoch === writtenIn && isLevel(status);
  const found = await falsehoods(directory, isFalse, () =>
    follow(directory, device, target, async ({ epoch }) => {
      // The first epoch is the seed's, behind which it looks before it says that it follows.
      if (epoch > 2) return true;
      await touch(device);
      writtenIn = epoch;
      return false;
    }),
  );
  t.deepEqual(found, []);
});

/** Says that writes were missed, once that is so. */
function missing(tracker: Tracker, isMissed: () => boolean): Tracker {
  const missedNow = () => (isMissed() ? { missed: 'the test says so' } : {});
  return {
    volume: tracker.volume,
    granularityBytes: tracker.granularityBytes,
    drain: async () => ({ ...(await tracker.drain()), ...missedNow() }),
    peek: () => tracker.peek(),
    health: async () => ({ ...(await tracker.health()), ...missedNow() }),
    stop: () => tracker.stop(),
    [Symbol.asyncDispose]: () => tracker.stop(),
  };
}

test.serial('where writes were missed, nobody knows that the target is level', async (t) => {
  const { directory, device, target } = await scene(t);
  let isMissed = false;
  let startedAnewAt = Infinity;
  const isFalse = (status: LiveStatus) => {
    if (status.epoch !== 1 || !isLevel(status)) return false;
    isMissed = true;
    return status.updatedAt > startedAnewAt;
  };
  let trackers = 0;
  const found = await falsehoods(directory, isFalse, () =>
    follow(directory, device, target, ({ epoch }) => epoch > 1, {
      // It is to be found by a look for the status, which comes every second.
      intervalMs: 4000,
      startTracker: async (volume) => {
        const tracker = await startTracker(volume);
        if (trackers++ === 0) return missing(tracker, () => isMissed);
        startedAnewAt = Date.now();
        return tracker;
      },
    }),
  );
  t.is(trackers, 2);
  t.deepEqual(found, []);
});

test('a status is as old as the look that it comes from', async (t) => {
  const file = path.join(await scratchDirectory(t), 'status.json');
  const volume = { path: '/dev/null', stableId: 'none' };
  const news: LiveNews = {
    source: volume,
    target: volume,
    state: 'following',
    since: 0,
    dirtyBytes: 0,
    epoch: 1,
    consistentAt: 0,
    error: null,
    intervalMs: 1,
  };
  const written = async () => JSON.parse(await readFile(file, 'utf8')) as LiveStatus;
  let looks = 0;
  let lookedAt = 0;
  let finish: () => void = () => undefined;
  const look = async () => {
    looks++;
    lookedAt = Date.now();
    await new Promise<void>((resolve) => (finish = resolve));
    return { ...news, epoch: looks };
  };
  const writer = new StatusWriter(file, look, (message) => t.fail(message));
  const first = writer.update();
  while (looks < 1) await sleep(1);
  // What begins now is not in the look that is under way: another one has to come, and one is enough.
  const later = [writer.update(), writer.update()];
  while (Date.now() <= lookedAt) await sleep(1);
  finish();
  await first;
  const { updatedAt, epoch } = await written();
  t.is(epoch, 1);
  t.true(updatedAt <= lookedAt);
  while (looks < 2) await sleep(1);
  finish();
  await Promise.all(later);
  t.is((await written()).epoch, 2);
  t.is(looks, 2);
});
