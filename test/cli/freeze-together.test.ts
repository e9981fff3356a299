/** Runs of ours that freeze one file system at the same time: each waits for the other. */

import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { execa } from 'execa';
import { FastsyncError } from '../../src/errors.js';
import { freeze } from '../../src/volume/index.js';
import { fastsyncJson } from '../support/fastsync.js';
import { fastverifyJson } from '../support/fastverify.js';
import { startLive } from '../support/following.js';
import { startLoad } from '../support/fsync-load.js';
import { attachLoop, scratchDirectory, sparseFile } from '../support/scratch.js';
import { extKind, mebibyte } from '../support/seeding.js';
import { assertWritable, mountedKind } from '../volume/freeze/freezing.js';

test.serial('two live, two init --online and two verifications of one source', async (t) => {
  const load = await startLoad(t, extKind('mkfs.ext4'), {
    sizeBytes: 64 * mebibyte,
    seed: 30,
    pauseMs: 20,
  });
  const device = async () => {
    const image = path.join(await scratchDirectory(t), 'target.img');
    return attachLoop(t, await sparseFile(image, 64 * mebibyte), ['--direct-io=on']);
  };
  const live = await Promise.all(
    [1, 2].map(async () => {
      const directory = await scratchDirectory(t);
      const target = await device();
      const words = ['--src', load.device, '--dst', target, '--interval', '0.1s'];
      return { target, run: startLive(t, directory, words) };
    }),
  );
  for (const { target, run } of live) await run.epoch(target, 1);
  const over = await Promise.all([
    ...[1, 2].map(async () => {
      const state = ['--state-dir', await scratchDirectory(t)];
      const words = ['init', '--online', '--src', load.device, '--dst', await device(), '--yes'];
      return fastsyncJson([...words, ...state]);
    }),
    ...live.map(async ({ target }) => {
      const state = ['--state-dir', await scratchDirectory(t)];
      const words = ['--online', '--src', load.device, '--dst', target, '--lag-tolerance', '2s'];
      return fastverifyJson([...words, ...state]);
    }),
  ]);
  const said = over.map(({ exitCode, summary, stderr }) => [exitCode, summary.error, stderr]);
  // Under such a load a verification need not settle; a seed comes to its end.
  t.deepEqual(
    over.map(({ exitCode }, index) =>
      index < 2 ? exitCode === 0 : [0, 1, 3].includes(exitCode ?? -1),
    ),
    [true, true, true, true],
    JSON.stringify(said),
  );
  for (const { lines } of over) t.false(lines.some(({ code }) => code === 'FREEZE_BUSY'));
  for (const { target, run } of live) {
    const reached = run.lines.filter(({ type }) => type === 'epoch').length;
    await run.epoch(target, reached + 1);
    t.is((await run.stop()).exitCode, 0);
  }
  await load.stop();
  for (const { target } of live) {
    const { exitCode, stdout } = await execa('e2fsck', ['-fn', target], { reject: false });
    t.is(exitCode, 0, stdout);
  }
});

test('a freeze of ours is waited for, and named where that takes too long', async (t) => {
  const { directory, volume } = await mountedKind(t, 'ext4');
  const first = await freeze({ volume, maxFreezeMs: 120_000, mustNotFreeze: [] });
  const impatient = freeze({ volume, busyPatienceMs: 1, mustNotFreeze: [] });
  const error = await t.throwsAsync(impatient, { instanceOf: FastsyncError });
  t.is(error.code, 'FREEZE_BUSY');
  t.regex(error.message, new RegExp(`another run of fastsync, process ${process.pid}`));
  t.notRegex(error.remedy ?? '', /fsfreeze/);
  const second = freeze({ volume, maxFreezeMs: 120_000, mustNotFreeze: [] });
  t.is(await Promise.race([second.then(() => 'frozen'), sleep(500, 'waits')]), 'waits');
  await first.thaw();
  await (await second).thaw();
  await assertWritable(t, directory);
});

test('a stranger is waited for as well, and told from a run of ours', async (t) => {
  const { directory, volume } = await mountedKind(t, 'xfs');
  await execa('fsfreeze', ['--freeze', directory]);
  const refused = freeze({ volume, busyPatienceMs: 1, mustNotFreeze: [] });
  const error = await t.throwsAsync(refused, { instanceOf: FastsyncError });
  t.regex(error.message, /somebody else/);
  const patient = { maxFreezeMs: 120_000, busyPatienceMs: 120_000 };
  const waiting = freeze({ volume, mustNotFreeze: [], ...patient });
  t.is(await Promise.race([waiting.then(() => 'frozen'), sleep(500, 'waits')]), 'waits');
  await execa('fsfreeze', ['--unfreeze', directory]);
  await (await waiting).thaw();
  await assertWritable(t, directory);
});

test('who waits for a freeze can be stopped', async (t) => {
  const { directory, volume } = await mountedKind(t, 'ext4');
  await execa('fsfreeze', ['--freeze', directory]);
  const stop = new AbortController();
  const waiting = freeze({
    volume,
    mustNotFreeze: [],
    busyPatienceMs: 120_000,
    signal: stop.signal,
  });
  const stopped = t.throwsAsync(waiting, { any: true });
  stop.abort();
  t.is(((await stopped) as Error).name, 'AbortError');
  await execa('fsfreeze', ['--unfreeze', directory]);
  await assertWritable(t, directory);
});
