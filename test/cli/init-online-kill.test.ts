/** An online seed that is stopped at random moments, also while frozen: writes go on, the next run ends right. */

import { access } from 'node:fs/promises';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { fastsync } from '../support/fastsync.js';
import { KillMoments } from '../support/kill-moment.js';
import {
  checkLoad,
  fsyncLoad,
  onlineKinds,
  onlineSource,
  type OnlineSource,
  seedOnline,
} from '../support/online.js';
import { seededRandom } from '../support/random.js';
import { during } from '../support/until.js';
import { assertWritable } from '../volume/freeze/freezing.js';

const { ext4 } = onlineKinds;
const exists = (file: string) =>
  access(file).then(
    () => true,
    () => false,
  );

const carriesSignature = async (file: string) =>
  (await execa('blkid', ['-p', file], { reject: false })).exitCode === 0;

/** From where a run may be stopped: its start, or the hook that says that the freeze is just about to be. */
type From = 'start' | 'freeze';

interface Stop {
  readonly turn: number;
  readonly from: From;
  readonly moments: KillMoments;
  readonly signal: 'SIGKILL' | 'SIGINT';
}

/** Runs, and gets the signal at a random moment behind `from`. */
async function stopped(
  t: ExecutionContext,
  source: OnlineSource,
  target: string,
  { turn, from, moments, signal }: Stop,
) {
  const { device, state, scratch } = source;
  const mark = path.join(scratch, `mark${turn}`);
  const hooks = from === 'freeze' ? ['--before-freeze', `: >${mark}`] : [];
  const words = ['init', '--online', '--src', device, '--dst', target, '--yes', ...hooks, ...state];
  const wasWhole = await carriesSignature(target);
  const child = fastsync(words, { all: true });
  if (from === 'freeze') await during(child, () => exists(mark));
  await moments.kill(child, signal);
  const result = await child;
  await assertWritable(t, source.directory);
  if (result.exitCode === 0) return result;
  // Before it listens, Node itself ends it.
  if (result.exitCode !== undefined) t.is(result.exitCode, 5, String(result.all));
  const isWhole = await carriesSignature(target);
  if (isWhole && (wasWhole || result.signal === 'SIGKILL')) {
    // Before its first write, or between its last write and its end: all of it is there.
    t.is((await execa('e2fsck', ['-fn', target], { reject: false })).exitCode, 0);
  } else t.false(isWhole, 'the target is unfinished');
  return result;
}

for (const signal of ['SIGKILL', 'SIGINT'] as const) {
  test.serial(`${signal}, at random moments of the run and around the freeze`, async (t) => {
    const random = seededRandom(t, 77);
    const source = await onlineSource(t, ext4);
    const load = await fsyncLoad(t, source, 'load', 7);
    const target = path.join(source.scratch, 'target.img');
    const moments = { start: new KillMoments(random, 1000), freeze: new KillMoments(random, 250) };
    const unfinished = { start: 0, freeze: 0 };
    for (let turn = 0; unfinished.start < 2 || unfinished.freeze < 5; turn++) {
      const from: From = turn % 4 === 0 ? 'start' : 'freeze';
      const result = await stopped(t, source, target, {
        ...{ turn, from, signal },
        moments: moments[from],
      });
      if (result.exitCode !== 0) unfinished[from]++;
    }
    const { pointInTimeMs } = await seedOnline(source, target);
    await load.stop();
    const { checked, lost } = await checkLoad(t, ext4, target, load, pointInTimeMs);
    t.deepEqual(lost, []);
    t.true(checked > 5);
  });
}
