/** `fastsync init` on real volumes: what a user sees, and whether the copy is right. */

import { readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import { execa } from 'execa';
import { checkpointBeyond, fastsync, fastsyncJson } from '../support/fastsync.js';
import { attachLoop, sparseFile } from '../support/scratch.js';
import { extKind, makePair, mebibyte, proveSame } from '../support/seeding.js';

/** Where `bytes` has what none of the others has at that place; -1 if nowhere. */
function firstForeignByte(bytes: Buffer, others: readonly Buffer[]): number {
  for (let at = 0; at < bytes.length; at++) {
    if (others.every((other) => other[at] !== bytes[at])) return at;
  }
  return -1;
}

const ext4 = extKind('mkfs.ext4');
const volumeBytes = 96 * mebibyte;

test.serial('device to device, on sectors of different sizes', async (t) => {
  const kind = extKind('mkfs.ext4', '-b', '4096');
  const { source, target, state } = await makePair(t, kind, volumeBytes);
  const from = await attachLoop(t, source, ['--direct-io=on']);
  const to = await attachLoop(t, target, ['--direct-io=on', '--sector-size', '4096']);
  const { exitCode, stderr } = await fastsyncJson([
    'init',
    '--src',
    from,
    '--dst',
    to,
    '--yes',
    ...state,
  ]);
  t.is(exitCode, 0, stderr);
  await proveSame(t, ext4, source, target);
});

test.serial('both backends give the same target', async (t) => {
  const { source, target, directory, state } = await makePair(t, ext4, volumeBytes);
  const other = path.join(directory, 'other.img');
  await execa('cp', ['--sparse=never', target, other]);
  for (const [backend, to] of [
    ['uring', target],
    ['threads', other],
  ] as const) {
    const words = ['init', '--src', source, '--dst', to, '--yes', '--backend', backend, ...state];
    const { exitCode, summary } = await fastsyncJson(words);
    t.is(exitCode, 0);
    t.is(summary.backend, backend);
  }
  await t.notThrowsAsync(execa('cmp', [target, other]));
});

test.serial('a new file is made sparse, and free space reads as zeroes', async (t) => {
  const { source, directory, state } = await makePair(t, ext4, volumeBytes);
  const target = path.join(directory, 'new.img');
  const { exitCode, stderr } = await fastsyncJson([
    'init',
    '--src',
    source,
    '--dst',
    target,
    ...state,
  ]);
  t.is(exitCode, 0, stderr);
  const { size, blocks } = await stat(target);
  t.is(size, volumeBytes);
  t.true(blocks * 512 < volumeBytes / 2, 'holes stay holes');
  await proveSame(t, ext4, source, target);
});

test.serial('several targets: the source is read once', async (t) => {
  const { source, target, directory, state } = await makePair(t, ext4, volumeBytes);
  const second = path.join(directory, 'second.img');
  const words = ['init', '--src', source, '--dst', target, '--dst', second, '--yes', ...state];
  const { exitCode, summary, stderr } = await fastsyncJson(words);
  t.is(exitCode, 0, stderr);
  t.is(summary.readBytes, summary.copiedBytes);
  await proveSame(t, ext4, source, target);
  await proveSame(t, ext4, source, second);
});

for (const free of ['zero', 'discard'] as const) {
  test.serial(`--free ${free}: unused ranges of the target read as zeroes`, async (t) => {
    const { source, target, directory, state } = await makePair(t, ext4, volumeBytes);
    const words = ['init', '--src', source, '--dst', target, '--yes', '--free', free, ...state];
    const { exitCode, stderr } = await fastsyncJson(words);
    t.is(exitCode, 0, stderr);
    // ddrescue copies the used ranges alone onto zeroes; then the whole images must be the same.
    const used = path.join(directory, 'used.map');
    const { stdout } = await fastsync(['map', source, '--format', 'ddrescue']);
    await writeFile(used, `${String(stdout)}\n`);
    const expected = await sparseFile(path.join(directory, 'expected.img'), volumeBytes);
    await execa('ddrescue', [
      '-q',
      '-D',
      '-m',
      used,
      source,
      expected,
      path.join(directory, 'log'),
    ]);
    await proveSame(t, ext4, source, target);
    // Ranges closer than the gap are copied as one: there the target has the source's bytes.
    const [ours, zeroed, original] = await Promise.all([
      readFile(target),
      readFile(expected),
      readFile(source),
    ]);
    t.is(firstForeignByte(ours, [zeroed, original]), -1);
    t.false(ours.equals(original), 'free space was not copied');
  });
}

test.serial('--compare writes only what differs', async (t) => {
  const { source, target, state } = await makePair(t, ext4, volumeBytes);
  const words = ['init', '--src', source, '--dst', target, '--yes', '--compare', ...state];
  const first = await fastsyncJson(words);
  t.is(first.exitCode, 0, first.stderr);
  const second = await fastsyncJson(words);
  t.is(second.exitCode, 0, second.stderr);
  // Only the head, which is cleared first, is written again.
  t.true(Number(second.summary.writtenBytes) <= mebibyte);
  await proveSame(t, ext4, source, target);
});

test.serial('--dry-run prints the plan and writes nothing', async (t) => {
  const { source, target, state } = await makePair(t, ext4, volumeBytes);
  const { stdout: before } = await execa('sha256sum', [target]);
  const words = ['init', '--src', source, '--dst', target, '--dry-run', ...state];
  const { exitCode, stdout } = await fastsync([...words, '--yes']);
  t.is(exitCode, 0);
  t.regex(String(stdout), /would copy/);
  t.is((await execa('sha256sum', [target])).stdout, before);
});

test.serial('-q says nothing when all is well', async (t) => {
  const { source, target, state } = await makePair(t, ext4, volumeBytes);
  const { exitCode, stdout, stderr } = await fastsync([
    'init',
    '--src',
    source,
    '--dst',
    target,
    '-q',
    '--yes',
    ...state,
  ]);
  t.is(exitCode, 0);
  t.is(`${String(stdout)}${String(stderr)}`, '');
});

test.serial(
  'an unfinished target carries no signature, and Ctrl-C ends with a summary and exit 5',
  async (t) => {
    const { source, target, directory, state } = await makePair(t, ext4, volumeBytes);
    // The target was the same file system: a half-written one must not look like it.
    await execa('cp', [source, target]);
    const words = ['init', '--src', source, '--dst', target, '--yes', '--bwlimit', '8M', ...state];
    const child = fastsync([...words, '--checkpoint-interval', '50', '--json']);
    await checkpointBeyond(child, directory, 4 * mebibyte);
    child.kill('SIGINT');
    const { exitCode, stdout } = await child;
    t.is(exitCode, 5);
    const summary = JSON.parse(String(stdout).trim().split('\n').at(-1) ?? '') as {
      outcome: string;
    };
    t.is(summary.outcome, 'interrupted');
    t.is((await execa('blkid', ['-p', target], { reject: false })).exitCode, 2);

    const again = await fastsyncJson(['init', '--src', source, '--dst', target, '--yes', ...state]);
    t.is(again.exitCode, 0, again.stderr);
    t.true(Number(again.summary.resumedBytes) > 0, 'the second run goes on');
    await proveSame(t, ext4, source, target);
  },
);
