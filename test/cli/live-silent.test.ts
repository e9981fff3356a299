/** A replication of which one target answers nobody any more. */

import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { pausableFile } from '../engine/nbd.js';
import { fastsync } from '../support/fastsync.js';
import { startLive } from '../support/following.js';
import { proveWhole, startLoad } from '../support/fsync-load.js';
import { scratchDirectory, sparseFile } from '../support/scratch.js';
import { extKind, mebibyte } from '../support/seeding.js';

const kind = extKind('mkfs.ext4');
const sizeBytes = 48 * mebibyte;

interface Shown {
  readonly target: { readonly path: string };
  readonly epoch: number;
  readonly error: { readonly code: string; readonly message: string } | null;
}

test('a target that falls silent is shown, given up after the limit, and caught up with later', async (t) => {
  const load = await startLoad(t, kind, { sizeBytes, seed: 9, pauseMs: 20 });
  await load.progress(20);
  const directory = await scratchDirectory(t);
  const well = await sparseFile(path.join(directory, 'well.img'), sizeBytes);
  const backing = await sparseFile(path.join(directory, 'silent.img'), sizeBytes);
  const silent = await pausableFile(t, backing);
  const words = ['--src', load.device, '--dst', well, '--dst', silent.file, '--interval', '0.5s'];
  const run = startLive(t, directory, [...words, '--yes', '--io-timeout', '45s']);
  for (const target of [well, silent.file]) await run.epoch(target, 2);

  await silent.pause();
  const shown = async () => {
    const state = ['--state-dir', path.join(directory, 'state')];
    const { stdout, exitCode } = await fastsync(['status', '--json', ...state]);
    const { replications } = JSON.parse(String(stdout)) as { replications: Shown[] };
    return { exitCode, found: replications.find(({ target }) => target.path === silent.file) };
  };
  const until = async (code: string) => {
    for (;;) {
      const { exitCode, found } = await shown();
      if (found?.error?.code === code) return { exitCode, message: found.error.message };
      await sleep(200);
    }
  };
  const stalled = await until('NOT_ANSWERING');
  t.is(stalled.exitCode, 3);
  t.regex(stalled.message, /volume has not answered for \d+ s$/);
  const given = await until('IO_TIMEOUT');
  t.is(given.exitCode, 3);
  t.regex(given.message, /gave up on .*volume: it has not answered for 45 s, the limit/);
  const { epoch } = run.lines.findLast(({ target }) => target === well) as unknown as Shown;
  await run.epoch(well, epoch + 2);

  // It ends while the volume is as silent as ever.
  const { exitCode, stderr, summary } = await run.stop();
  t.is(exitCode, 3, stderr);
  t.like(summary, { type: 'summary', outcome: 'incomplete' });
  await silent.resume();

  // What was under way there ends first, and with it the process.
  let again = startLive(t, directory, [...words, '--yes']);
  for (;;) {
    const begun = await Promise.race([again.epoch(silent.file, 3), again.end()]).catch(() => 'no');
    if (begun === undefined) break;
    await sleep(200);
    again = startLive(t, directory, [...words, '--yes']);
  }
  await load.stop();
  const end = await again.stop();
  t.is(end.exitCode, 0, end.stderr);
  const targets = end.summary.targets as { path: string; consistentAt: string }[];
  const { consistentAt } = targets.find(({ path: name }) => name === silent.file) ?? t.fail();
  await proveWhole(t, kind, load, backing, Date.parse(consistentAt));
});
