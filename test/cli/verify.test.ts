/** `fastverify` as a user meets it: what is compared, what is printed, what is refused. */

import { copyFile, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import { execa } from 'execa';
import { fileWithBadSectors } from '../engine/nbd.js';
import { churn, makeCrashImage } from '../support/crash-image.js';
import { fastsyncJson } from '../support/fastsync.js';
import { fastverify, fastverifyJson, flipBits } from '../support/fastverify.js';
import { fillWithGarbage } from '../support/garbage.js';
import { seededRandom } from '../support/random.js';
import { equalPair, replicaBytes } from '../support/replica.js';
import { mounted, scratchDirectory, sparseFile } from '../support/scratch.js';
import { mebibyte } from '../support/seeding.js';

test('--start and --stop: only what lies between is compared', async (t) => {
  const { source, target, words } = await equalPair(t);
  await copyFile(source, target);
  const flips = [4096 * 3, 24 * mebibyte, 25 * mebibyte].map((at) => ({ at, bit: 0 }));
  await flipBits(target, flips);
  const table = [
    { span: ['--start', '4k', '--stop', '1M'], found: [0] },
    { span: ['--start', '12289'], found: [1, 2] },
    { span: ['--stop', '12288'], found: [] },
    { span: ['--start', '12288', '--stop', '12289'], found: [0] },
    { span: ['--start', '24M', '--stop', '24M'], found: null },
    { span: ['--start', '48M'], found: null },
    { span: ['--start', '10', '--stop', '5'], found: null },
    { span: ['--start', 'x'], found: null },
  ];
  for (const { span, found } of table) {
    const { exitCode, ranges } = await fastverifyJson([...words, '--whole', ...span]);
    const expected = found?.map((index) => Math.floor((flips[index]?.at ?? 0) / 512) * 512) ?? [];
    t.deepEqual(
      ranges.map(({ start }) => start),
      expected,
      span.join(' '),
    );
    t.is(exitCode, found === null ? 2 : found.length > 0 ? 1 : 0, span.join(' '));
  }
});

test('--ddrescue-map: ddrescuelog counts what the summary counts', async (t) => {
  const { target, directory, source, state } = await equalPair(t);
  await flipBits(
    target,
    [1100, 24 * mebibyte, 30 * mebibyte].map((at) => ({ at, bit: 0 })),
  );
  const bad = await fileWithBadSectors(t, target, replicaBytes, [[28 * mebibyte, 8192]]);
  const map = path.join(directory, 'result.map');
  const words = ['--src', source, '--dst', bad, ...state, '--free', 'verify', '--stop', '40M'];
  const { exitCode, summary } = await fastverifyJson([...words, '--ddrescue-map', map]);
  t.is(exitCode, 1);
  const bytesOf = async (status: string) => {
    const { stdout } = await execa('ddrescuelog', ['-b', '512', `-l${status}`, map]);
    return stdout.split('\n').filter((line) => line !== '').length * 512;
  };
  t.is(await bytesOf('-'), Number(summary.differentBytes));
  t.is(await bytesOf('*'), Number(summary.notProvenBytes));
  t.is(await bytesOf('?'), replicaBytes - 40 * mebibyte);
  const rest = Number(summary.differentBytes) + Number(summary.notProvenBytes);
  t.is(await bytesOf('+'), Number(summary.workBytes) - rest);
  // It is not written over what is not a mapfile.
  const notes = path.join(directory, 'notes');
  await writeFile(notes, 'dear diary');
  t.is((await fastverifyJson([...words, '--ddrescue-map', notes])).exitCode, 2);
  t.is(await readFile(notes, 'utf8'), 'dear diary');
});

test.serial(
  '--json: every line parses and the last is the summary, also where the words are wrong',
  async (t) => {
    const { words } = await equalPair(t);
    for (const wrong of [
      [],
      ['--src', 'a'],
      [...words, '--nonsense'],
      [...words, 'more'],
      [...words, '--free', 'some'],
      [...words, '--max-time', 'long'],
      [...words, '--whole', '--as', 'ext'],
      [...words, '--src', 'twice'],
      ['--src', '/nowhere', '--dst', '/nowhere/else'],
      ['--src', '/dev/null', '--dst', '/dev/zero'],
    ]) {
      const { exitCode, summary, stderr } = await fastverifyJson(wrong);
      t.is(exitCode, 2, wrong.join(' '));
      t.like(summary, { outcome: 'failed', exitCode: 2 });
      t.regex(stderr, /^\{.*\}$/, 'one error, as JSON');
      const text = await fastverify(wrong);
      t.is(text.exitCode, 2);
      t.regex(String(text.stderr), /^error: [^\n]+$/);
    }
  },
);

test('-q says nothing when all is well, and what is wrong when not; pipes get no colours', async (t) => {
  const { target, words } = await equalPair(t);
  const quiet = await fastverify([...words, '-q']);
  t.deepEqual([quiet.exitCode, quiet.stdout, quiet.stderr], [0, '', '']);
  await flipBits(target, [{ at: 1100, bit: 0 }]);
  const { exitCode, stdout } = await fastverify([...words, '-q']);
  t.is(exitCode, 1);
  t.regex(String(stdout), /^different +1024 +512 +superblock$/);
  const text = await fastverify(words);
  t.regex(String(text.stdout), /^different: .* and .* \(ext4, 48 MiB\)$/m);
  t.false(String(text.stdout).includes('\u001B'));
});

test('a source mounted read-write is refused; read-only, or by its own option, it is not', async (t) => {
  const { source, words } = await equalPair(t);
  const readOnly = await mounted(t, source, ['-o', 'loop,ro,noload']);
  t.is((await fastverifyJson(words)).exitCode, 0);
  await readOnly.unmount();
  await mounted(t, source, ['-o', 'loop']);
  const refused = await fastverifyJson(words);
  t.is(refused.exitCode, 4);
  t.is((refused.summary.error as { code: string }).code, 'SOURCE_MOUNTED');
  const allowed = await fastverifyJson([...words, '--allow-mounted-source']);
  // Mounting has written to it: whatever the answer is, it was given.
  t.true([1, 3].includes(allowed.exitCode ?? -1), allowed.stderr);
});

for (const [index, mkfs] of [
  ['mkfs.ext4', '-q', '-F', '-b', '4096'],
  ['mkfs.xfs', '-q', '-f', '--unsupported'],
].entries()) {
  test(`${mkfs[0]} that crashed: its replica is equal`, async (t) => {
    const random = seededRandom(t, 95 + index);
    const image = await makeCrashImage(t, {
      mkfs,
      sizeBytes: 64 * mebibyte,
      load: (directory) => churn(directory, random, 120),
    });
    const directory = await scratchDirectory(t);
    const target = await sparseFile(path.join(directory, 'target.img'), 64 * mebibyte);
    await fillWithGarbage(target, 64 * mebibyte);
    const words = ['--src', image.path, '--dst', target, '--state-dir', path.join(directory, 's')];
    t.is((await fastsyncJson(['init', ...words, '--yes'])).exitCode, 0);
    const { exitCode, ranges, stderr } = await fastverifyJson(words);
    t.deepEqual([exitCode, ranges], [0, []], stderr);
  });
}

test.serial('a limit holds over all of a run, however it is cut into pieces', async (t) => {
  const { source, target, words } = await equalPair(t);
  await copyFile(source, target);
  const bytesPerSecond = 8 * mebibyte;
  const chunkBytes = 65_536;
  const limit = ['--bwlimit', '8M', '--chunk', '64K'];
  const { exitCode, summary, stderr } = await fastverifyJson([...words, '--whole', ...limit]);
  t.is(exitCode, 0, stderr);
  t.is(summary.comparedBytes, replicaBytes);
  // A piece of work has 4 MiB at the least, and its first chunk does not wait. A slow machine takes longer.
  const freeBytes = Math.ceil(replicaBytes / (4 * mebibyte)) * chunkBytes;
  t.true(Number(summary.seconds) >= (replicaBytes - freeBytes) / bytesPerSecond);
});
