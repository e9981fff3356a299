/** Zeroing and discarding, with dd of /dev/zero and the backing file's blocks as the answer. */

import path from 'node:path';
import test from 'ava';
import { clear, descriptorEndpoint } from '../../src/engine/index.js';
import { seededRandom } from '../support/random.js';
import { attachLoop, scratchDirectory, sparseFile } from '../support/scratch.js';
import { fileWithoutHoles } from './nbd.js';
import {
  allocatedBytes,
  backends,
  cmp,
  copyWithDd,
  fill,
  KiB,
  MiB,
  noise,
  opened,
  randomExtents,
  volumeKinds,
} from './volumes.js';

const { loop512, loop4096, ext4, xfs, tmpfs } = volumeKinds;
const sizeBytes = 16 * MiB;

for (const [index, kind] of [loop512, loop4096, ext4, xfs, tmpfs].entries()) {
  test(`zeroing parts of a ${kind.name}, as dd of zeroes does`, async (t) => {
    const random = seededRandom(t, 300 + index);
    const target = await kind.make(t, sizeBytes);
    const directory = await scratchDirectory(t);
    const zeroes = await sparseFile(path.join(directory, 'zeroes'), sizeBytes);
    const expected = await sparseFile(path.join(directory, 'expected'), sizeBytes);
    const output = await opened(t, target, 'r+');
    for (const backend of backends) {
      const extents = randomExtents(random, sizeBytes, random.pick([1, 512, 4 * KiB]), 10);
      await fill(target, noise(index, sizeBytes));
      await fill(expected, noise(index, sizeBytes));
      await copyWithDd(zeroes, expected, extents);
      const { progress } = await clear({
        target: descriptorEndpoint(output.fd),
        extents,
        mode: 'zero',
        backend,
      }).done;
      t.is(await cmp(expected, target, sizeBytes), '');
      t.is(progress.durableBytes, progress.totalBytes);
      t.is(progress.zeroBytes + progress.writtenBytes, progress.totalBytes);
    }
  });
}

test('one request at a time is enough to zero with', async (t) => {
  const target = await tmpfs.make(t, sizeBytes);
  await fill(target, noise(9, sizeBytes));
  const output = await opened(t, target, 'r+');
  for (const backend of backends) {
    const { progress } = await clear({
      target: descriptorEndpoint(output.fd),
      extents: Float64Array.of(1, sizeBytes - 2),
      mode: 'zero',
      backend,
      queueDepth: 1,
      inFlightBytes: MiB,
    }).done;
    t.is(progress.durableBytes, sizeBytes - 2);
  }
});

test('discarding part of a device frees what is below, and leaves the rest', async (t) => {
  const backing = await sparseFile(path.join(await scratchDirectory(t), 'backing'), sizeBytes);
  const target = await attachLoop(t, backing);
  const output = await opened(t, target, 'r+');
  const content = noise(1, sizeBytes);
  for (const backend of backends) {
    await fill(target, content);
    t.true((await allocatedBytes(backing)) >= sizeBytes);
    const { progress } = await clear({
      target: descriptorEndpoint(output.fd),
      extents: Float64Array.of(4 * MiB, 8 * MiB),
      mode: 'discard',
      backend,
    }).done;
    t.is(progress.durableBytes, 8 * MiB);
    t.true((await allocatedBytes(backing)) <= 8 * MiB + 64 * KiB);
    const expected = Buffer.from(content).fill(0, 4 * MiB, 12 * MiB);
    const file = path.join(await scratchDirectory(t), 'expected');
    await fill(await sparseFile(file, sizeBytes), expected);
    t.is(await cmp(file, target, sizeBytes), '');
  }
});

test('discarding part of a file makes a hole', async (t) => {
  const target = await ext4.make(t, sizeBytes);
  await fill(target, noise(2, sizeBytes));
  const output = await opened(t, target, 'r+');
  // The odd bytes at both ends are not a whole block, and stay.
  await clear({
    target: descriptorEndpoint(output.fd),
    extents: Float64Array.of(4 * MiB - 1, 8 * MiB + 2),
    mode: 'discard',
  }).done;
  t.true((await allocatedBytes(target)) <= 8 * MiB + 64 * KiB);
  const expected = noise(2, sizeBytes).fill(0, 4 * MiB, 12 * MiB);
  const file = path.join(await scratchDirectory(t), 'expected');
  await fill(await sparseFile(file, sizeBytes), expected);
  t.is(await cmp(file, target, sizeBytes), '');
});

test('where nothing can be discarded, that is an error, and zeroing writes', async (t) => {
  const backing = await sparseFile(path.join(await scratchDirectory(t), 'backing'), sizeBytes);
  const file = await fileWithoutHoles(t, backing);
  const device = await attachLoop(t, file);
  const expected = await sparseFile(path.join(await scratchDirectory(t), 'expected'), sizeBytes);
  await fill(expected, noise(3, sizeBytes).fill(0, MiB, 3 * MiB));
  const extents = Float64Array.of(MiB, 2 * MiB);
  for (const backend of backends) {
    const output = await opened(t, file, 'r+');
    const discard = clear({
      target: descriptorEndpoint(output.fd),
      extents,
      mode: 'discard',
      backend,
    });
    await t.throwsAsync(discard.done, {
      name: 'EngineError',
      code: 'ENOTSUP',
      message: /^discard failed on target 1 at byte 1048576, .*: operation not supported/,
    });
    await fill(device, noise(3, sizeBytes));
    const target = await opened(t, device, 'r+');
    await clear({ target: descriptorEndpoint(target.fd), extents, mode: 'zero', backend }).done;
    t.is(await cmp(expected, device, sizeBytes), '');
  }
});
