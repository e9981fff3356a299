/** A volume that answers nobody any more, in the middle of a run: it is said, and given up where there is a limit. */

import { existsSync } from 'node:fs';
import { copyFile, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { pausableFile } from '../engine/nbd.js';
import { checkpointBeyond, fastsync, fastsyncJson, type JsonLine } from '../support/fastsync.js';
import { fastverify, flipBits } from '../support/fastverify.js';
import { fillWithGarbage } from '../support/garbage.js';
import { hangMs } from '../support/hang.js';
import { linesOf } from '../support/lines.js';
import { scratchDirectory, sparseFile } from '../support/scratch.js';
import { mebibyte } from '../support/seeding.js';

const bytes = 24 * mebibyte;
/** Slow enough to be in the middle of it when the volume falls silent. */
const slowly = ['--bwlimit', '1M', '--chunk', '256K', '--checkpoint-interval', '200'];
/** Longer than any request takes on a machine that has much to do. */
const limit = ['--io-timeout', '45s'];
const timeout = hangMs;

async function scene(t: ExecutionContext) {
  const directory = await scratchDirectory(t);
  const well = await sparseFile(path.join(directory, 'well.img'), bytes);
  await fillWithGarbage(well, bytes, 5);
  const backing = path.join(directory, 'silent.img');
  await copyFile(well, backing);
  const silent = await pausableFile(t, backing);
  const state = ['--state-dir', path.join(directory, 'state')];
  return { directory, well, backing, silent, state };
}

const isNote = (code: string) => (line: JsonLine) => line.type === 'note' && line.code === code;

for (const side of ['source', 'target'] as const) {
  test(`init: a ${side} that falls silent is told, and waited for`, async (t) => {
    const { directory, well, backing, silent, state } = await scene(t);
    const [src, dst] = side === 'source' ? [silent.file, well] : [well, silent.file];
    const words = ['init', '--src', src, '--dst', dst, '--whole', '--yes', '--json', ...slowly];
    const run = fastsync([...words, ...state], { timeout, buffer: { stdout: false } });
    const said = linesOf(run.stdout ?? t.fail());
    await checkpointBeyond(run, directory, mebibyte);
    await silent.pause();
    const told = await said.line(isNote('NOT_ANSWERING'));
    t.is(
      told.message,
      `${silent.file} has not answered for 30 s; the run waits for it (no limit; --io-timeout sets one)`,
    );
    await silent.resume();
    await said.line(isNote('ANSWERING_AGAIN'));
    t.is((await run).exitCode, 0);
    await execa('cmp', [well, backing]);
  });

  test(`init: a ${side} is given up after the limit, and the same command goes on later`, async (t) => {
    const { directory, well, backing, silent, state } = await scene(t);
    const [src, dst] = side === 'source' ? [silent.file, well] : [well, silent.file];
    const words = ['init', '--src', src, '--dst', dst, '--whole', '--yes', ...state];
    const run = fastsync([...words, '--json', ...slowly, ...limit], { timeout });
    await checkpointBeyond(run, directory, mebibyte);
    await silent.pause();
    // The end comes while the volume is as silent as ever.
    const { exitCode, stdout, stderr } = await run;
    t.is(exitCode, 3, String(stderr));
    t.regex(String(stderr), /gave up on .*volume: it has not answered for 45 s, the limit/);
    const summary = JSON.parse(String(stdout).split('\n').at(-1) ?? '') as JsonLine;
    t.like(summary, { type: 'summary', outcome: 'failed', error: { code: 'IO_TIMEOUT' } });
    t.deepEqual(summary.unfinished, [dst]);
    await silent.resume();
    // Its threads were waiting: they leave with it, and the lock.
    await t.notThrowsAsync(untilUnlocked(words));
    await execa('cmp', [well, backing]);
  });
}

/** Goes on as soon as what was under way has ended. */
async function untilUnlocked(words: readonly string[]): Promise<void> {
  for (;;) {
    const { exitCode, lines, stderr } = await fastsyncJson(words, { timeout });
    if (exitCode === 0) {
      const resumed = lines.filter(({ code }) => String(code).startsWith('RESUMED'));
      if (resumed.length !== 1) throw new Error('it did not go on, but began anew');
      return;
    }
    if (exitCode !== 7) throw new Error(`${exitCode}: ${stderr}`);
    await sleep(200);
  }
}

test('a second signal ends a run with a limit, also one whose threads are past killing', async (t) => {
  const { directory, well, silent, state } = await scene(t);
  const words = ['init', '--src', well, '--dst', silent.file, '--whole', '--yes', ...slowly];
  const run = fastsync([...words, ...state, '--backend', 'threads', '--io-timeout', '1d'], {
    timeout,
  });
  await checkpointBeyond(run, directory, mebibyte);
  await silent.pause();
  // A signal that comes before the last one was taken is no second one.
  while (run.kill('SIGTERM')) await sleep(1000);
  t.is((await run).exitCode, 5);
});

test('verify: a difference that was found before is told, and the rest is incomplete', async (t) => {
  const { well, silent, backing, state } = await scene(t);
  await flipBits(backing, [{ at: 4096, bit: 3 }]);
  const words = ['--src', well, '--dst', silent.file, '--whole', '--json', ...state, ...limit];
  const run = fastverify([...words, '--bwlimit', '1M'], { timeout, buffer: { stdout: false } });
  const said = linesOf(run.stdout ?? t.fail());
  await said.line(({ type, completedBytes }) => type === 'status' && Number(completedBytes) > 10e6);
  await silent.pause();
  const { exitCode, stderr } = await run;
  t.is(exitCode, 1, String(stderr));
  t.regex(String(stderr), /has not answered for 45 s/);
  t.like(
    said.lines.find(({ type }) => type === 'range'),
    { answer: 'different', start: 4096 },
  );
  await silent.resume();
});

test('verify: a source that is given up leaves nothing proven', async (t) => {
  const { well, silent, state } = await scene(t);
  const words = ['--src', silent.file, '--dst', well, '--whole', '--json', ...state, ...limit];
  const run = fastverify([...words, '--bwlimit', '1M'], { timeout, buffer: { stdout: false } });
  const said = linesOf(run.stdout ?? t.fail());
  await said.line(({ type, completedBytes }) => type === 'status' && Number(completedBytes) > 0);
  await silent.pause();
  t.is((await run).exitCode, 3);
  t.like(said.lines.at(-1), { type: 'summary', error: { code: 'IO_TIMEOUT' } });
  await silent.resume();
});

test('a manifest of a volume that is given up is not left half written', async (t) => {
  const { directory, silent, state } = await scene(t);
  const file = path.join(directory, 'manifest');
  const words = ['--src', silent.file, '--whole', '--write-manifest', file, '--json', ...state];
  const run = fastverify([...words, ...limit, '--bwlimit', '1M'], {
    timeout,
    buffer: { stdout: false },
  });
  const said = linesOf(run.stdout ?? t.fail());
  await said.line(({ type, completedBytes }) => type === 'status' && Number(completedBytes) > 0);
  await silent.pause();
  t.is((await run).exitCode, 3);
  t.like(said.lines.at(-1), { type: 'summary', error: { code: 'IO_TIMEOUT' } });
  t.false(existsSync(file));
  t.deepEqual(
    (await readdir(directory)).filter((name) => name.startsWith('manifest')),
    [],
  );
  await silent.resume();
});

test('the nightly check of a pair that falls silent is given up, and the next pair is checked', async (t) => {
  const { directory, well, backing, silent } = await scene(t);
  const config = path.join(directory, 'fastsync.yaml');
  const slow = { bwlimit: '1M', chunk: '256K', ioTimeout: '45s', whole: true };
  const pairs = {
    silent: { src: well, dst: silent.file, ...slow },
    good: { src: well, dst: backing, whole: true },
  };
  await writeFile(config, JSON.stringify({ stateDir: path.join(directory, 'state'), pairs }));
  const run = fastverify(['--config', config, '--all', '--json'], {
    timeout,
    buffer: { stdout: false },
  });
  const said = linesOf(run.stdout ?? t.fail());
  await said.line(({ type, completedBytes }) => type === 'status' && Number(completedBytes) > 0);
  await silent.pause();
  const { exitCode, stderr } = await run;
  t.is(exitCode, 3, String(stderr));
  const checked = said.lines.filter(({ type }) => type === 'pair');
  t.like(checked, [
    { pair: 'silent', exitCode: 3, error: { code: 'IO_TIMEOUT' } },
    { pair: 'good', exitCode: 0, outcome: 'equal' },
  ]);
  await silent.resume();
});
