/** Writes that may have been missed: a new tracker, and everything in use compared. */

import path from 'node:path';
import test from 'ava';
import type { RunEvent } from '../../../src/report/index.js';
import { live, prepareLive } from '../../../src/sync/index.js';
import { startTracker, type Tracker } from '../../../src/tracker/index.js';
import { proveWhole, startLoad } from '../../support/fsync-load.js';
import { scratchDirectory } from '../../support/scratch.js';
import { extKind, mebibyte } from '../../support/seeding.js';

/** A tracker that loses what was written until it is told to say so. */
function forgetful(tracker: Tracker, state: { lose: boolean; say: boolean }): Tracker {
  return {
    volume: tracker.volume,
    granularityBytes: tracker.granularityBytes,
    async drain() {
      const drained = await tracker.drain();
      const dirty = state.lose ? new Float64Array(0) : drained.dirty;
      return { dirty, missed: state.say ? 'the test says so' : null };
    },
    peek: () => tracker.peek(),
    health: async () => ({
      ...(await tracker.health()),
      missed: state.say ? 'the test says so' : null,
    }),
    stop: () => tracker.stop(),
    [Symbol.asyncDispose]: () => tracker.stop(),
  };
}

test.serial('what a tracker lost is found by comparing, as soon as it says so', async (t) => {
  const kind = extKind('mkfs.ext4');
  const load = await startLoad(t, kind, { sizeBytes: 96 * mebibyte, seed: 8 });
  await load.progress(20);
  const directory = await scratchDirectory(t);
  const stateDirectory = path.join(directory, 'state');
  const journalDirectory = path.join(directory, 'journal');
  const target = path.join(directory, 'target.img');
  await using prepared = await prepareLive({
    source: load.device,
    targets: [target],
    stateDirectory,
    journalDirectory,
    overrides: new Set(),
  });
  const stop = new AbortController();
  const state = { lose: false, say: false };
  const events: RunEvent[] = [];
  let epochs = 0;
  let comparedAt = Infinity;
  let trackers = 0;
  const results = await live(
    prepared,
    {
      intervalMs: 100,
      maxFreezeMs: 5000,
      stateDirectory,
      journalDirectory,
      map: {},
      hooks: { beforeFreeze: null, afterFreeze: null, timeoutMs: 1000 },
      ioOptions: {},
      exclusive: true,
    },
    {
      signal: stop.signal,
      reporter: {
        report: (event) => {
          events.push(event);
          if (event.type === 'note' && event.message.includes('compared')) comparedAt = epochs;
        },
      },
      startTracker: async (volume) => {
        trackers++;
        const tracker = await startTracker(volume);
        return trackers === 1 ? forgetful(tracker, state) : tracker;
      },
      onEpoch: async () => {
        epochs++;
        if (epochs === 2) {
          state.lose = true;
          await load.progress(20);
          state.say = true;
        }
        if (epochs > comparedAt) stop.abort();
      },
    },
  );
  t.is(trackers, 2);
  t.true(events.some((event) => event.type === 'note' && event.code === 'WRITES_MISSED'));
  await load.stop();
  t.is(results[0]?.error, null);
  await proveWhole(t, kind, load, target, results[0]?.consistentAt ?? NaN);
});
