/** `fastsync init` with options that make no sense: a sentence, exit 2, and nothing was written. */

import { readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import { execa } from 'execa';
import { fastsync, fastsyncBin, fastsyncJson } from '../support/fastsync.js';
import { fillWithGarbage } from '../support/garbage.js';
import { scratchDirectory, sparseFile } from '../support/scratch.js';
import { mebibyte } from '../support/seeding.js';

const bad: readonly (readonly string[])[] = [
  ['--dst'],
  ['--dst', ''],
  ['--no-dst'],
  ['--no-src'],
  ['--src', 'twice.img'],
  ['--src', ''],
  ['--chunk', '12345'],
  ['--chunk', '1T'],
  ['--in-flight', '1K'],
  ['--queue-depth', '100000'],
  ['--queue-depth', 'many'],
  ['--checkpoint-interval', '1e15'],
  ['--bwlimit', '1M', '--bwlimit', '2M'],
  ['--free', 'zero', '--free', 'skip'],
  ['--state-dir', ''],
];

test.serial('what cannot be done is said before anything is written', async (t) => {
  const directory = await scratchDirectory(t);
  const source = await sparseFile(path.join(directory, 'source.img'), 8 * mebibyte);
  await execa('mkfs.ext4', ['-q', '-F', source]);
  // Larger than the source: a run that began would cut it.
  const target = await sparseFile(path.join(directory, 'target.img'), 12 * mebibyte);
  await fillWithGarbage(target, 12 * mebibyte);
  const { stdout: before } = await execa('sha256sum', [target]);
  const state = ['--state-dir', path.join(directory, 'state')];
  for (const words of bad) {
    const given = words[0] === '--dst' ? [] : ['--dst', target];
    const { exitCode, stderr, summary } = await fastsyncJson([
      ...['init', '--src', source, '--yes', ...state],
      ...[...given, ...words],
    ]);
    t.is(exitCode, 2, words.join(' '));
    t.is(summary.outcome, 'failed');
    t.notRegex(stderr, /bug in fastsync|\n {4}at /, words.join(' '));
  }
  // Neither a slip of the pen nor a target that cannot be made costs a file its bytes.
  for (const words of [
    ['--dst', path.join(directory, 'none', 'new.img')],
    ['--rescue', '--rescue-map', source],
    ['--rescue', '--rescue-map', target],
  ]) {
    const { exitCode } = await fastsyncJson([
      ...['init', '--src', source, '--yes', ...state, '--dst', target],
      ...words,
    ]);
    t.is(exitCode, 2, words.join(' '));
  }
  t.is((await execa('sha256sum', [target])).stdout, before);
  await t.notThrowsAsync(execa('e2fsck', ['-fn', source]));
  t.deepEqual((await readdir(directory)).sort(), ['source.img', 'target.img']);
});

test.serial('a checkpoint file full of nonsense is no checkpoint', async (t) => {
  const directory = await scratchDirectory(t);
  const source = await sparseFile(path.join(directory, 'source.img'), 8 * mebibyte);
  await fillWithGarbage(source, 8 * mebibyte);
  const target = path.join(directory, 'target.img');
  const state = path.join(directory, 'state');
  const words = [
    'init',
    '--src',
    source,
    '--dst',
    target,
    '--yes',
    '--whole',
    '--state-dir',
    state,
  ];
  const place = path.join(state, 'checkpoints');
  const child = fastsync([...words, '--bwlimit', '1M', '--json']);
  let said = '';
  let isTold = false;
  for await (const data of child.stdout ?? []) {
    said += String(data);
    // It copies: there is something to go on from.
    if (!isTold && /"completedBytes":[1-9]/.test(said)) isTold = child.kill('SIGINT');
  }
  t.is((await child).exitCode, 5);
  const [name = ''] = await readdir(place);
  const { stdout } = await execa('cat', [path.join(place, name)]);
  const good = JSON.parse(stdout) as Record<string, unknown>;
  for (const lie of [
    { durableBytes: -4096 },
    { durableBytes: 2 ** 50 },
    { badRanges: ['a', {}] },
    { badRanges: [4096, 4096, 0, 4096] },
    { badRanges: [1] },
    { totalBytes: null },
    { updatedAt: 7 },
  ]) {
    await writeFile(path.join(place, name), JSON.stringify({ ...good, ...lie }));
    const { exitCode, stderr } = await fastsyncJson(words);
    t.is(exitCode, 0, `${JSON.stringify(lie)} ${stderr}`);
    await t.notThrowsAsync(execa('cmp', [source, target]));
  }
});

test.serial('a reader of the output that leaves does not end the copy', async (t) => {
  const directory = await scratchDirectory(t);
  const source = await sparseFile(path.join(directory, 'source.img'), 8 * mebibyte);
  await fillWithGarbage(source, 8 * mebibyte);
  const target = path.join(directory, 'target.img');
  const words = ['init', '--src', source, '--dst', target, '--whole', '--json'];
  const command = [process.execPath, fastsyncBin, ...words];
  const script = '("$@"; echo $? >&2) | true';
  const { stderr } = await execa('sh', [
    ...['-c', script, 'sh', ...command],
    ...['--state-dir', path.join(directory, 'state')],
  ]);
  const [note = '', exitCode] = stderr.split('\n');
  t.is((JSON.parse(note) as { readonly code: string }).code, 'OUTPUT_LOST');
  t.is(exitCode, '0');
  await t.notThrowsAsync(execa('cmp', [source, target]));
});
