/** Writing a manifest that does not come to its end, and sources that cannot be read. */

import { copyFile, open, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { fileWithBadSectors } from '../engine/nbd.js';
import { flipBytes } from '../manifest/support.js';
import { fillWithGarbage } from '../support/garbage.js';
import { fastverify, fastverifyLines } from '../support/manifests.js';
import { mounted, scratchDirectory, sparseFile } from '../support/scratch.js';
import { mebibyte } from '../support/seeding.js';
import { during } from '../support/until.js';

const bytes = 64 * mebibyte;

async function garbageVolume(t: ExecutionContext) {
  const directory = await scratchDirectory(t);
  const image = await sparseFile(path.join(directory, 'volume.img'), bytes);
  await fillWithGarbage(image, bytes, 3);
  return { directory, image };
}

async function temporariesIn(directory: string): Promise<string[]> {
  return (await readdir(directory)).filter((name) => name.endsWith('.tmp'));
}

for (const [signal, exitCode, left] of [
  ['SIGINT', 5, 0],
  ['SIGKILL', undefined, 1],
] as const) {
  test(`${signal} while a manifest is written: the old one is as it was`, async (t) => {
    const { directory, image } = await garbageVolume(t);
    const file = path.join(directory, 'manifest');
    const write = ['--src', image, '--whole', '--write-manifest', file];
    t.is((await fastverify(write)).exitCode, 0);
    const before = await readFile(file);
    await flipBytes(image, [0]);
    const run = fastverify([...write, '--bwlimit', '4M']);
    await during(run, async () => (await temporariesIn(directory)).length > 0);
    run.kill(signal);
    const ended = await run;
    t.is(ended.exitCode, exitCode, String(ended.stderr));
    t.true(before.equals(await readFile(file)));
    t.is((await temporariesIn(directory)).length, left);
    // And it can be written anew.
    t.is((await fastverify(write)).exitCode, 0);
    t.false(before.equals(await readFile(file)));
  });
}

test('what cannot be read is listed, recorded as not proven, and exit 3 says so', async (t) => {
  const { directory, image } = await garbageVolume(t);
  const bad = [[5 * mebibyte + 4096, 8192]] as const;
  const backing = path.join(directory, 'backing');
  await copyFile(image, backing);
  const broken = await fileWithBadSectors(t, backing, bytes, bad);
  const file = path.join(directory, 'manifest');
  const state = ['--state-dir', path.join(directory, 'state')];
  const made = await fastverifyLines(['--src', broken, '--whole', '--write-manifest', file]);
  t.is(made.exitCode, 3, made.stderr);
  t.like(made.summary, { outcome: 'incomplete', unreadableBytes: 8192, unprovenBytes: mebibyte });
  t.deepEqual(
    made.ranges.map(({ start, length, cause }) => [start, length, cause]),
    [[...bad[0], 'unreadable']],
  );
  // Nobody knows what was there: even the healthy volume is not proven.
  const check = ['--src', image, '--whole', '--manifest', file, ...state];
  const checked = await fastverifyLines(check);
  t.is(checked.exitCode, 3);
  t.like(checked.summary, { verdict: 'not proven', differentBytes: 0, notProvenBytes: mebibyte });
  // A difference elsewhere is a difference all the same.
  await flipBytes(image, [50 * mebibyte]);
  t.is((await fastverifyLines(check)).exitCode, 1);
});

test('a manifest whose disk is full: what could not be read is told all the same', async (t) => {
  const { directory, image } = await garbageVolume(t);
  const bad = [[5 * mebibyte + 4096, 8192]] as const;
  const backing = path.join(directory, 'backing');
  await copyFile(image, backing);
  const broken = await fileWithBadSectors(t, backing, bytes, bad);
  const { directory: full } = await mounted(t, 'tmpfs', ['-t', 'tmpfs', '-o', 'size=8k']);
  const words = ['--write-manifest', path.join(full, 'manifest'), '--manifest-cell', '64K'];
  const made = await fastverifyLines(['--src', broken, '--whole', ...words]);
  t.is(made.exitCode, 3, made.stderr);
  t.like(made.summary, { outcome: 'failed', error: { code: 'NO_SPACE' } });
  t.deepEqual(
    made.ranges.map(({ start, length, cause }) => [start, length, cause]),
    [[...bad[0], 'unreadable']],
  );
  t.deepEqual(await readdir(full), []);
});

test('a volume of another size: what is missing is different, what is more is no concern', async (t) => {
  const { directory, image } = await garbageVolume(t);
  const file = path.join(directory, 'manifest');
  const check = ['--src', image, '--whole', '--manifest', file];
  const state = ['--state-dir', path.join(directory, 'state')];
  t.is((await fastverify(['--src', image, '--whole', '--write-manifest', file])).exitCode, 0);
  const resize = async (size: number) => {
    const handle = await open(image, 'r+');
    await handle.truncate(size).finally(() => handle.close());
  };
  await resize(bytes + 4096);
  const larger = await fastverify([...check, ...state]);
  t.is(larger.exitCode, 0, String(larger.stderr));
  t.regex(String(larger.stderr), /the manifest describes a volume of 67108864/);
  await resize(bytes - 10_000);
  const smaller = await fastverifyLines([...check, ...state]);
  t.is(smaller.exitCode, 1);
  t.is(smaller.summary.differentBytes, mebibyte);
});
