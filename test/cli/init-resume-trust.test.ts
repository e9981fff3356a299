/** What a checkpoint is not believed: another run has written the target since, or the file is a new one. */

import { open, readdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { checkpointBeyond, fastsync, fastsyncJson } from '../support/fastsync.js';
import { fillWithGarbage } from '../support/garbage.js';
import { scratchDirectory, sparseFile } from '../support/scratch.js';
import { mebibyte } from '../support/seeding.js';

const bytes = 64 * mebibyte;

/** A seed that was killed behind its 36th MiB: further than the samples of a resumption lie close. */
async function killedSeed(t: ExecutionContext) {
  const directory = await scratchDirectory(t);
  const source = await sparseFile(path.join(directory, 'source.img'), bytes);
  await fillWithGarbage(source, bytes);
  const target = path.join(directory, 'target.img');
  const state = path.join(directory, 'state');
  const common = ['--dst', target, '--yes', '--whole', '--state-dir', state];
  const words = ['init', '--src', source, ...common];
  const child = fastsync([...words, '--bwlimit', '12M', '--checkpoint-interval', '50']);
  await checkpointBeyond(child, directory, 36 * mebibyte);
  child.kill('SIGKILL');
  await child;
  const [name = ''] = await readdir(path.join(state, 'checkpoints'));
  const text = await readFile(path.join(state, 'checkpoints', name), 'utf8');
  const { durableBytes } = JSON.parse(text) as { durableBytes: number };
  return { directory, source, target, words, common, durableBytes };
}

test.serial(
  'another seed of nearly the same bytes came between: no byte of it stays',
  async (t) => {
    const { directory, source, target, words, common, durableBytes } = await killedSeed(t);
    const other = path.join(directory, 'other.img');
    await execa('cp', [source, other]);
    const file = await open(other, 'r+');
    // The work list begins behind the head; this lies between the last two samples.
    await file.write(Buffer.alloc(4096), 0, 4096, mebibyte + durableBytes - mebibyte - 65536);
    await file.close();
    const between = await fastsyncJson(['init', '--src', other, ...common]);
    t.is(between.exitCode, 0, between.stderr);
    const last = await fastsyncJson(words);
    t.is(last.exitCode, 0, last.stderr);
    t.is(last.summary.resumedBytes, 0);
    await t.notThrowsAsync(execa('cmp', [source, target]));
  },
);

test.serial('the target was deleted: a new file is copied in full', async (t) => {
  const { source, target, words } = await killedSeed(t);
  await rm(target);
  const last = await fastsyncJson(words);
  t.is(last.exitCode, 0, last.stderr);
  t.is(last.summary.resumedBytes, 0);
  await t.notThrowsAsync(execa('cmp', [source, target]));
});

test.serial(
  'nothing came between: it goes on, and needs no --yes for its own unfinished file',
  async (t) => {
    const { source, target, words } = await killedSeed(t);
    const last = await fastsyncJson(words.filter((word) => word !== '--yes'));
    t.is(last.exitCode, 0, last.stderr);
    t.true(Number(last.summary.resumedBytes) > 36 * mebibyte);
    await t.notThrowsAsync(execa('cmp', [source, target]));
  },
);
