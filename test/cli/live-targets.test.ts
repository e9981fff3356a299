/** Several targets, each at its own pace; one that fails; writes that may have been missed. */

import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import { nbdFile, pausableFile } from '../engine/nbd.js';
import type { JsonLine } from '../support/fastsync.js';
import { type LiveRun, startLive, statesIn, statusIn } from '../support/following.js';
import { proveWhole, startLoad } from '../support/fsync-load.js';
import { scratchDirectory, sparseFile } from '../support/scratch.js';
import { extKind, mebibyte } from '../support/seeding.js';

const kind = extKind('mkfs.ext4');
const sizeBytes = 96 * mebibyte;

test.serial('a stuck and a failing target hold up nobody, and catch up', async (t) => {
  const load = await startLoad(t, kind, { sizeBytes, seed: 6 });
  await load.progress(20);
  const directory = await scratchDirectory(t);
  const image = (name: string) => sparseFile(path.join(directory, name), sizeBytes);
  const [fast, stuckBacking, failingBacking] = await Promise.all(
    ['fast.img', 'stuck.img', 'failing.img'].map(image),
  );
  const trigger = path.join(directory, 'fail');
  const stuck = await pausableFile(t, String(stuckBacking));
  const failing = await nbdFile(t, [
    ...['--filter=error', 'file', String(failingBacking)],
    ...['error=EIO', 'error-pwrite-rate=100%', `error-file=${trigger}`],
  ]);
  const targets = [String(fast), stuck.file, failing];
  const run = startLive(t, directory, [
    ...['--src', load.device, ...targets.flatMap((target) => ['--dst', target])],
    ...['--interval', '0.2s', '--yes'],
  ]);
  for (const target of targets) await run.epoch(target, 2);

  await stuck.pause();
  const whenStuck = epochOf(run.lines, stuck.file);
  await writeFile(trigger, '');
  await run.line(({ type, message }) => type === 'note' && String(message).startsWith(failing));
  const reached = epochOf(run.lines, String(fast));
  await run.epoch(String(fast), reached + 5);
  const whenFailing = epochOf(run.lines, failing);
  // It may have been told of one that was done before.
  t.true(epochOf(run.lines, stuck.file) <= whenStuck + 1);
  await rm(trigger);
  await stuck.resume();
  await run.epoch(failing, whenFailing + 2);
  await run.epoch(stuck.file, whenStuck + 2);

  await load.stop();
  const { exitCode, summary, stderr } = await run.stop();
  t.is(exitCode, 0, stderr);
  const found = summary.targets as { path: string; consistentAt: string }[];
  for (const [index, target] of targets.entries()) {
    const { consistentAt } = found.find((one) => one.path === target) ?? {};
    const backing = [fast, stuckBacking, failingBacking][index];
    await proveWhole(t, kind, load, String(backing), Date.parse(String(consistentAt)));
  }
});

test.serial('a target file that was taken away is given up, not called level', async (t) => {
  const load = await startLoad(t, kind, { sizeBytes, seed: 9 });
  const directory = await scratchDirectory(t);
  const [taken, kept] = ['taken.img', 'kept.img'].map((name) => path.join(directory, name));
  const targets = ['--dst', String(taken), '--dst', String(kept)];
  const run = startLive(t, directory, ['--src', load.device, ...targets, '--interval', '0.2s']);
  for (const target of [taken, kept]) await run.epoch(String(target), 1);
  await rm(String(taken));
  await run.during(async () => (await statesIn(directory)).includes('failed'));
  await run.epoch(String(kept), epochOf(run.lines, String(kept)) + 2);
  const { exitCode, stderr } = await run.stop();
  t.is(exitCode, 3);
  t.true(stderr.includes('TARGET_CHANGED'), stderr);
});

test.serial('writers who waited in vain are left alone for a minute', async (t) => {
  const load = await startLoad(t, kind, { sizeBytes, seed: 8 });
  await load.progress(5);
  const directory = await scratchDirectory(t);
  const target = path.join(directory, 'target.img');
  const words = ['--src', load.device, '--dst', target, '--max-freeze', '0.001s'];
  const run = startLive(t, directory, words);
  const { message } = await run.line(({ code }) => code === 'LIVE_TROUBLE');
  t.regex(String(message), /--max-freeze.*; trying again in 60 s$/);
  await load.progress(5);
  const { summary, exitCode } = await run.stop();
  t.is(exitCode, 3);
  t.is((summary.targets as { consistentAt: unknown }[])[0]?.consistentAt, null);
});

test.serial('an idle source makes no epoch', async (t) => {
  for (const idle of [kind, { ...kind, mkfs: ['mkfs.xfs', '-q', '-f', '-K'] as const }]) {
    const size = idle === kind ? sizeBytes : 320 * mebibyte;
    const load = await startLoad(t, idle, { sizeBytes: size, seed: 7 });
    await load.progress(5);
    await load.stop();
    const directory = await scratchDirectory(t);
    const target = path.join(directory, 'target.img');
    const words = ['--src', load.device, '--dst', target, '--interval', '0.1s'];
    const run = startLive(t, directory, words);
    await run.epoch(target, 1);
    // What the kernel had not written back yet comes in as many epochs as it takes; then there are none.
    t.true(await settles(run, directory), 'epoch after epoch of an idle source');
    await run.stop();
  }
});

const mostEpochs = 40;
const looksWithout = 3;

/** Whether at last several looks at the source, which come every second, have found it level and no epoch between them. */
async function settles(run: LiveRun, directory: string): Promise<boolean> {
  const count = () => run.lines.filter(({ type }) => type === 'epoch').length;
  let seen = count();
  let looks = new Set<number>();
  await run.during(async () => {
    const { state, dirtyBytes, updatedAt } = (await statusIn(directory)) as Looked;
    const isLevel = state === 'following' && dirtyBytes === 0;
    if (!isLevel || count() !== seen) looks = new Set();
    else looks.add(updatedAt);
    seen = count();
    return looks.size > looksWithout || seen > mostEpochs;
  });
  return seen <= mostEpochs;
}

interface Looked {
  readonly state: string;
  readonly dirtyBytes: number;
  readonly updatedAt: number;
}

function epochOf(lines: readonly JsonLine[], target: string): number {
  const epochs = lines.filter((line) => line.type === 'epoch' && line.target === target);
  return Number(epochs.at(-1)?.epoch ?? 0);
}
