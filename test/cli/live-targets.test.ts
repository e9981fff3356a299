/** Several targets, each at its own pace; one that fails; writes that may have been missed. */

import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { nbdFile } from '../engine/nbd.js';
import type { JsonLine } from '../support/fastsync.js';
import { startLive } from '../support/following.js';
import { proveWhole, startLoad } from '../support/fsync-load.js';
import { scratchDirectory, sparseFile } from '../support/scratch.js';
import { extKind, mebibyte } from '../support/seeding.js';

const kind = extKind('mkfs.ext4');
const sizeBytes = 96 * mebibyte;

test.serial('a slow and a failing target hold up nobody, and catch up', async (t) => {
  const load = await startLoad(t, kind, { sizeBytes, seed: 6 });
  await load.progress(20);
  const directory = await scratchDirectory(t);
  const image = (name: string) => sparseFile(path.join(directory, name), sizeBytes);
  const [fast, slowBacking, failingBacking] = await Promise.all(
    ['fast.img', 'slow.img', 'failing.img'].map(image),
  );
  const trigger = path.join(directory, 'fail');
  const slow = await nbdFile(t, ['--filter=delay', 'file', String(slowBacking), 'wdelay=20ms']);
  const failing = await nbdFile(t, [
    ...['--filter=error', 'file', String(failingBacking)],
    ...['error=EIO', 'error-pwrite-rate=100%', `error-file=${trigger}`],
  ]);
  const targets = [String(fast), slow, failing];
  const run = startLive(t, directory, [
    ...['--src', load.device, ...targets.flatMap((target) => ['--dst', target])],
    ...['--interval', '0.2s', '--yes'],
  ]);
  for (const target of targets) await run.epoch(target, 2);

  await writeFile(trigger, '');
  await run.line(({ type, message }) => type === 'note' && String(message).startsWith(failing));
  const reached = epochOf(run.lines, String(fast));
  await run.epoch(String(fast), reached + 5);
  const whenFailing = epochOf(run.lines, failing);
  await rm(trigger);
  await run.epoch(failing, whenFailing + 2);

  await load.stop();
  const { exitCode, summary, stderr } = await run.stop();
  t.is(exitCode, 0, stderr);
  t.true(epochOf(run.lines, String(fast)) > epochOf(run.lines, slow));
  const found = summary.targets as { path: string; consistentAt: string }[];
  for (const [index, target] of targets.entries()) {
    const { consistentAt } = found.find((one) => one.path === target) ?? {};
    const backing = [fast, slowBacking, failingBacking][index];
    await proveWhole(t, kind, load, String(backing), Date.parse(String(consistentAt)));
  }
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
    // What the kernel had not written back yet may come once more.
    const epochs = await settledEpochs(run.lines);
    t.true(epochs <= 3, `${epochs} epochs`);
    await run.stop();
  }
});

const mostWaits = 5;

/** The number of epochs when none has come for thirty intervals, or when that never happens. */
async function settledEpochs(lines: readonly JsonLine[]): Promise<number> {
  const count = () => lines.filter(({ type }) => type === 'epoch').length;
  for (let waits = 0; waits < mostWaits; waits++) {
    const seen = count();
    await sleep(3000);
    if (count() === seen) return seen;
  }
  return count();
}

function epochOf(lines: readonly JsonLine[], target: string): number {
  const epochs = lines.filter((line) => line.type === 'epoch' && line.target === target);
  return Number(epochs.at(-1)?.epoch ?? 0);
}
