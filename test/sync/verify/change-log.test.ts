/** Who wrote where while a verification runs: known of a device, and of a file only that it was written. */

import path from 'node:path';
import test from 'ava';
import { execa } from 'execa';
import { logChanges } from '../../../src/sync/verify/change-log.js';
import { startTracker, type Tracker } from '../../../src/tracker/index.js';
import { openVolume } from '../../../src/volume/index.js';
import { flipBits } from '../../support/fastverify.js';
import { attachLoop, scratchDirectory, sparseFile } from '../../support/scratch.js';

const mebibyte = 1024 ** 2;
const bytes = 16 * mebibyte;
const granularityBytes = 65_536;

test('a write to a file counts for what is compared, not for free space, which may differ', async (t) => {
  const directory = await scratchDirectory(t);
  const device = await attachLoop(t, await sparseFile(path.join(directory, 'source'), bytes));
  const file = await sparseFile(path.join(directory, 'target'), bytes);
  await using source = await openVolume(device);
  await using target = await openVolume(file);
  await using tracker = await startTracker(source, { granularityBytes });
  const workList = Float64Array.of(mebibyte, mebibyte);
  await using changeLog = await logChanges(tracker, target, workList, bytes);
  const write = ['if=/dev/urandom', `of=${device}`, 'bs=64K', 'count=1', 'oflag=direct'];
  await execa('dd', [...write, 'seek=80', 'conv=notrunc']);
  await changeLog.writtenSince();
  await flipBits(file, [{ at: 9 * mebibyte, bit: 0 }]);
  const written = Float64Array.of(...workList, 80 * granularityBytes, granularityBytes);
  t.deepEqual(await changeLog.writtenSince(), written);
  t.deepEqual(changeLog.take(), written);
  t.is(changeLog.broken, null);
});

test('marks that were joined say nothing of what was written: the run proves nothing', async (t) => {
  const directory = await scratchDirectory(t);
  const device = await attachLoop(t, await sparseFile(path.join(directory, 'source'), bytes));
  await using source = await openVolume(device);
  await using tracker = await startTracker(source, { granularityBytes });
  const joining: Tracker = {
    volume: tracker.volume,
    granularityBytes,
    drain: async () => ({ ...(await tracker.drain()), joined: true }),
    peek: () => tracker.peek(),
    health: () => tracker.health(),
    stop: () => tracker.stop(),
    [Symbol.asyncDispose]: () => tracker.stop(),
  };
  await using changeLog = await logChanges(joining, null, Float64Array.of(0, mebibyte), bytes);
  t.deepEqual(await changeLog.writtenSince(), Float64Array.of(0, bytes));
  t.regex(changeLog.broken ?? '', /more ranges/);
});
