/** Zeroes become holes or write-zeroes, and files stay sparse. */

import { rm } from 'node:fs/promises';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { clear, copy, descriptorEndpoint } from '../../src/engine/index.js';
import { attachLoop, scratchDirectory, sparseFile } from '../support/scratch.js';
import { fileThatIgnoresDiscards, fileWithoutHoles } from './nbd.js';
import {
  allocatedBytes,
  backends,
  cmp,
  fill,
  KiB,
  MiB,
  noise,
  opened,
  volumeKinds,
} from './volumes.js';

const { ext4, xfs, tmpfs, loop512 } = volumeKinds;
const sizeBytes = 16 * MiB;

/** Data in the first and the tenth MiB, and 64 KiB of it in the middle of the fifth. */
async function sparseSource(t: ExecutionContext): Promise<string> {
  const file = await loop512.make(t, sizeBytes);
  const content = Buffer.alloc(sizeBytes);
  noise(1, MiB).copy(content, 0);
  noise(2, 64 * KiB).copy(content, 4 * MiB + 512 * KiB);
  noise(3, MiB).copy(content, 9 * MiB);
  await fill(file, content);
  return file;
}
const dataBytes = 2 * MiB + 64 * KiB;

for (const kind of [ext4, xfs, tmpfs]) {
  for (const targetsAreZero of [false, true]) {
    const state = targetsAreZero ? 'new' : 'full of garbage';
    test(`a ${kind.name}, ${state}, takes no more room than the data`, async (t) => {
      const from = await sparseSource(t);
      const to = await kind.make(t, sizeBytes);
      const input = await opened(t, from, 'r');
      for (const backend of backends) {
        if (targetsAreZero) {
          await rm(to);
          await sparseFile(to, sizeBytes);
        } else {
          await fill(to, noise(4, sizeBytes));
        }
        const output = await opened(t, to, 'r+');
        const { progress } = await copy({
          source: descriptorEndpoint(input.fd),
          targets: [descriptorEndpoint(output.fd)],
          extents: Float64Array.of(0, sizeBytes),
          targetsAreZero,
          backend,
          verify: true,
        }).done;
        t.is(await cmp(from, to, sizeBytes), '');
        t.is(progress.zeroBytes, sizeBytes - dataBytes);
        t.is(progress.writtenBytes, dataBytes);
        // A little more: the file system's own blocks that map the file.
        t.true((await allocatedBytes(to)) <= dataBytes + 64 * KiB);
      }
    });
  }
}

test('whole zero chunks are write-zeroes on a device, which may free what is below', async (t) => {
  const from = await sparseSource(t);
  const backing = await sparseFile(path.join(await scratchDirectory(t), 'backing'), sizeBytes);
  const to = await attachLoop(t, backing);
  const input = await opened(t, from, 'r');
  const output = await opened(t, to, 'r+');
  for (const backend of backends) {
    await fill(to, noise(5, sizeBytes));
    const { progress } = await copy({
      source: descriptorEndpoint(input.fd),
      targets: [descriptorEndpoint(output.fd)],
      extents: Float64Array.of(0, sizeBytes),
      backend,
      verify: true,
    }).done;
    t.is(await cmp(from, to, sizeBytes), '');
    t.is(progress.zeroBytes, sizeBytes - 3 * MiB);
    t.true((await allocatedBytes(backing)) <= 3 * MiB + 64 * KiB);
  }
});

test('a hole that keeps what was there, as over qemu-nbd, is not taken for zeroes', async (t) => {
  const from = await sparseSource(t);
  const backing = await sparseFile(path.join(await scratchDirectory(t), 'backing'), sizeBytes);
  const to = await fileThatIgnoresDiscards(t, backing);
  const input = await opened(t, from, 'r');
  const output = await opened(t, to, 'r+');
  await fill(to, noise(7, sizeBytes));
  await execa('fallocate', ['--punch-hole', '--offset', '0', '--length', '1MiB', to]);
  t.is(await cmp(backing, to, sizeBytes), '', 'and fallocate says that it made one');
  t.not(await cmp(backing, '/dev/zero', MiB), '');
  for (const backend of backends) {
    await fill(to, noise(7, sizeBytes));
    await copy({
      source: descriptorEndpoint(input.fd),
      targets: [descriptorEndpoint(output.fd)],
      extents: Float64Array.of(0, sizeBytes),
      backend,
    }).done;
    t.is(await cmp(from, to, sizeBytes), '');
    await fill(to, noise(7, sizeBytes));
    const extents = Float64Array.of(0, sizeBytes);
    await clear({ target: descriptorEndpoint(output.fd), extents, mode: 'zero', backend }).done;
    t.is(await cmp(to, '/dev/zero', sizeBytes), '');
  }
});

const withoutHoles = {
  'a file system without holes': (_: ExecutionContext, file: string) => Promise.resolve(file),
  'a device without write-zeroes': attachLoop,
};

for (const [name, make] of Object.entries(withoutHoles)) {
  test(`${name} gets zeroes written`, async (t) => {
    const from = await sparseSource(t);
    const backing = await sparseFile(path.join(await scratchDirectory(t), 'backing'), sizeBytes);
    const to = await make(t, await fileWithoutHoles(t, backing));
    const input = await opened(t, from, 'r');
    const output = await opened(t, to, 'r+');
    for (const backend of backends) {
      await fill(to, noise(6, sizeBytes));
      const { progress } = await copy({
        source: descriptorEndpoint(input.fd),
        targets: [descriptorEndpoint(output.fd)],
        extents: Float64Array.of(0, sizeBytes),
        backend,
        verify: true,
      }).done;
      t.is(await cmp(from, to, sizeBytes), '');
      t.is(progress.zeroBytes, 0);
      t.is(progress.writtenBytes, sizeBytes);
      t.is(progress.verifiedBytes, sizeBytes);
    }
  });
}
