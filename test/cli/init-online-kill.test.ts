/** An online seed that is stopped at random moments, also while frozen: writes go on, the next run ends right. */

import { access } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { fastsync } from '../support/fastsync.js';
import {
  checkLoad,
  fsyncLoad,
  onlineKinds,
  onlineSource,
  type OnlineSource,
  seedOnline,
} from '../support/online.js';
import { seededRandom } from '../support/random.js';
import { until } from '../support/until.js';
import { assertWritable } from '../volume/freeze/freezing.js';

const { ext4 } = onlineKinds;
const exists = (file: string) =>
  access(file).then(
    () => true,
    () => false,
  );

interface Stop {
  readonly turn: number;
  readonly marker: 'target' | 'freeze';
  readonly afterMs: number;
  readonly signal: 'SIGKILL' | 'SIGINT';
}

/** Runs until `marker` is there, and `afterMs` more; then it gets the signal. */
async function stopped(
  t: ExecutionContext,
  source: OnlineSource,
  target: string,
  { turn, marker, afterMs, signal }: Stop,
) {
  const { device, state, scratch } = source;
  const mark = path.join(scratch, `mark${turn}`);
  // The hook says that the freeze is just about to be.
  const hooks = marker === 'freeze' ? ['--before-freeze', `: >${mark}`] : [];
  const words = ['init', '--online', '--src', device, '--dst', target, '--yes', ...hooks, ...state];
  const child = fastsync(words, { all: true });
  const begun = marker === 'freeze' ? mark : target;
  await until(async () => child.exitCode !== null || (await exists(begun)));
  await sleep(afterMs);
  child.kill(signal);
  const result = await child;
  await assertWritable(t, source.directory);
  if (result.exitCode === 0) return result;
  const { exitCode } = await execa('blkid', ['-p', target], { reject: false });
  if (exitCode === 0 && result.signal === 'SIGKILL') {
    // Killed between its last write and its end: all of it is there.
    t.is((await execa('e2fsck', ['-fn', target], { reject: false })).exitCode, 0);
  } else t.is(exitCode, 2, 'the target is unfinished');
  return result;
}

for (const signal of ['SIGKILL', 'SIGINT'] as const) {
  test.serial(`${signal}, at random moments of the run and around the freeze`, async (t) => {
    const random = seededRandom(t, 77);
    const source = await onlineSource(t, ext4);
    const load = await fsyncLoad(t, source, 'load', 7);
    const target = path.join(source.scratch, 'target.img');
    let unfinished = 0;
    for (let turn = 0; turn < 8; turn++) {
      const marker = turn % 4 === 0 ? 'target' : 'freeze';
      const afterMs = random.between(0, 250);
      const result = await stopped(t, source, target, { turn, marker, afterMs, signal });
      if (result.exitCode !== 0) unfinished++;
      // Before it listens, Node itself ends it.
      if (result.exitCode !== 0 && result.exitCode !== undefined) {
        t.is(result.exitCode, 5, String(result.all));
      }
    }
    t.true(unfinished > 0, 'some were stopped before their end');
    const { pointInTimeMs } = await seedOnline(source, target);
    await load.stop();
    const { checked, lost } = await checkLoad(t, ext4, target, load, pointInTimeMs);
    t.deepEqual(lost, []);
    t.true(checked > 5);
  });
}
