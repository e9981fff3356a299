/** The memory that a cutover is read into: what it holds, and what it says when it is full or not there. */

import { open, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { descriptorEndpoint } from '../../../src/engine/index.js';
import { CutoverBuffer } from '../../../src/sync/consistency/cutover-buffer.js';
import { seededRandom } from '../../support/random.js';
import { mounted, scratchDirectory, sparseFile } from '../../support/scratch.js';

const mebibyte = 1024 ** 2;
const sizeBytes = 16 * mebibyte;
const options = { ioOptions: {}, rescue: false, signal: new AbortController().signal };

async function source(t: ExecutionContext) {
  const file = await sparseFile(path.join(await scratchDirectory(t), 'source'), sizeBytes);
  await execa('dd', ['if=/dev/urandom', `of=${file}`, 'bs=1M', 'count=12', 'conv=notrunc']);
  const handle = await open(file);
  t.teardown(() => handle.close());
  return { file, endpoint: descriptorEndpoint(handle.fd) };
}

/** A tmpfs of so many MiB. */
async function memory(t: ExecutionContext, mebibytes: number): Promise<string> {
  const { directory } = await mounted(t, 'tmpfs', ['-t', 'tmpfs', '-o', `size=${mebibytes}m`]);
  return directory;
}

test('it holds what it was given last, each byte at its own place, and nothing before that', async (t) => {
  const random = seededRandom(t, 5);
  const { file, endpoint } = await source(t);
  const bytes = await readFile(file);
  await using buffer = await CutoverBuffer.open(sizeBytes);
  for (let turn = 0; turn < 5; turn++) {
    const pages = Array.from({ length: 20 }, () => random.between(0, sizeBytes / 4096));
    const starts = [...new Set(pages)].sort((a, b) => a - b).map((page) => page * 4096);
    await buffer.fill(
      endpoint,
      Float64Array.from(starts.flatMap((start) => [start, 4096])),
      options,
    );
    const expected = Buffer.alloc(sizeBytes);
    for (const start of starts) bytes.copy(expected, start, start, start + 4096);
    t.true((await readFile(`/proc/self/fd/${buffer.endpoint.fd}`)).equals(expected));
  }
});

test('what is added lies beside what it held, and over it, zeroes too', async (t) => {
  const { file, endpoint } = await source(t);
  const earlier = await readFile(file);
  await using buffer = await CutoverBuffer.open(sizeBytes);
  await buffer.fill(endpoint, Float64Array.of(0, 8 * mebibyte), options);
  for (const [from, place] of [
    ['/dev/urandom', 4],
    ['/dev/zero', 6],
  ] as const) {
    const words = [`if=${from}`, `of=${file}`, 'bs=1M', 'count=1', `seek=${place}`];
    await execa('dd', [...words, 'conv=notrunc,fsync']);
    await buffer.add(endpoint, Float64Array.of(place * mebibyte, mebibyte), options);
  }
  await buffer.add(endpoint, Float64Array.of(10 * mebibyte, mebibyte), options);
  const expected = Buffer.alloc(sizeBytes);
  (await readFile(file)).copy(expected, 0, 0, 8 * mebibyte);
  earlier.copy(expected, 10 * mebibyte, 10 * mebibyte, 11 * mebibyte);
  t.true((await readFile(`/proc/self/fd/${buffer.endpoint.fd}`)).equals(expected));
});

test('it leaves no name behind', async (t) => {
  const place = await memory(t, 32);
  await using buffer = await CutoverBuffer.open(sizeBytes, [place]);
  t.true(buffer.endpoint.fd > 0);
  t.deepEqual(await readdir(place), []);
});

test('full memory is told as such', async (t) => {
  const { endpoint } = await source(t);
  await using buffer = await CutoverBuffer.open(sizeBytes, [await memory(t, 4)]);
  t.true((await buffer.capacityBytes()) <= 2 * mebibyte);
  const error = await t.throwsAsync(
    buffer.fill(endpoint, Float64Array.of(0, 8 * mebibyte), options),
  );
  t.like(error, { code: 'CUTOVER_BUFFER_FULL', exitCode: 3 });
  // What did not fit is gone with the next one.
  await buffer.fill(endpoint, Float64Array.of(0, mebibyte), options);
});

test('only memory will do, and without any it says what to do', async (t) => {
  const place = await memory(t, 4);
  const disk = await scratchDirectory(t);
  const nowhere = path.join(disk, 'nowhere');
  await using buffer = await CutoverBuffer.open(sizeBytes, [nowhere, disk, place]);
  t.true(buffer.endpoint.fd > 0);
  const error = await t.throwsAsync(CutoverBuffer.open(sizeBytes, [nowhere, disk]));
  t.like(error, { code: 'NO_SHARED_MEMORY', exitCode: 2 });
  t.regex(error.message, /nowhere/);
});
