/** Digests of cells, against those of xxhsum and sha256sum. */

import path from 'node:path';
import test from 'ava';
import {
  descriptorEndpoint,
  digestBytes,
  digestCells,
  type DigestResult,
} from '../../src/engine/index.js';
import { algorithms, cellDigestsByTools } from '../support/cell-digests.js';
import { scratchDirectory, sparseFile } from '../support/scratch.js';
import { seededRandom } from '../support/random.js';
import { fileWithBadSectors } from './nbd.js';
import { backends, fill, KiB, MiB, noise, opened, randomExtents, volumeKinds } from './volumes.js';

const { loop512, loopDirect, xfs, tmpfs } = volumeKinds;

function listed({ cells, digests }: DigestResult, bytes: number): [number, string][] {
  return [...cells].map((cell, index) => [
    cell,
    Buffer.from(digests.subarray(index * bytes, (index + 1) * bytes)).toString('hex'),
  ]);
}

const kinds = [
  { kind: loop512, unitBytes: 512, cellBytes: 64 * KiB },
  { kind: loopDirect, unitBytes: 4 * KiB, cellBytes: MiB },
  { kind: xfs, unitBytes: 1, cellBytes: 256 * KiB },
  { kind: tmpfs, unitBytes: 512, cellBytes: 16 * MiB },
] as const;

for (const [index, { kind, unitBytes, cellBytes }] of kinds.entries()) {
  test(`${kind.name}, cells of ${cellBytes}: the digests that the tools print`, async (t) => {
    const random = seededRandom(t, 300 + index);
    // An odd end, where the device can have one.
    const sizeBytes = 6 * MiB + (kind.unitBytes === 1 ? 777 : 512);
    const volume = await kind.make(t, sizeBytes);
    await fill(volume, noise(index, sizeBytes));
    const file = await opened(t, volume, 'r');
    for (const algorithm of algorithms) {
      const extents = randomExtents(random, sizeBytes, unitBytes, 40);
      const expected = await cellDigestsByTools(volume, extents, cellBytes, algorithm);
      for (const backend of backends) {
        const result = await digestCells({
          source: descriptorEndpoint(file.fd),
          extents,
          algorithm,
          cellBytes,
          backend,
          // Above and below the cell, and no divisor of it.
          chunkBytes: random.pick([4 * KiB, 60 * KiB, 4 * MiB]),
        }).done;
        t.deepEqual(listed(result, digestBytes[algorithm]), expected);
        t.deepEqual([...result.unreadableRanges], []);
        t.is(result.progress.completedBytes, result.progress.totalBytes);
        t.false(result.cancelled);
      }
    }
  });
}

test('a cell with a bad sector in what is asked for has no digest, the others have theirs', async (t) => {
  const sizeBytes = 4 * MiB;
  const cellBytes = 256 * KiB;
  const backing = await sparseFile(path.join(await scratchDirectory(t), 'backing'), sizeBytes);
  await fill(backing, noise(9, sizeBytes));
  // The second one lies between two extents: nobody asks for it.
  const bad = [
    [MiB + 8 * KiB, 4 * KiB],
    [2 * MiB + 64 * KiB, 4 * KiB],
    [3 * MiB - 4 * KiB, 8 * KiB],
  ] as const;
  const volume = await fileWithBadSectors(t, backing, sizeBytes, bad);
  const file = await opened(t, volume, 'r');
  const gap = 2 * MiB + 64 * KiB;
  const extents = Float64Array.of(0, gap, gap + 8 * KiB, sizeBytes - gap - 8 * KiB);
  const all = await cellDigestsByTools(backing, extents, cellBytes, 'xxh3-128');
  const expected = all.filter(([cell]) => ![4, 11, 12].includes(cell));
  t.is(expected.length, 13);
  for (const backend of backends) {
    const result = await digestCells({
      source: descriptorEndpoint(file.fd),
      extents,
      algorithm: 'xxh3-128',
      cellBytes,
      backend,
      chunkBytes: 512 * KiB,
    }).done;
    t.deepEqual(listed(result, 16), expected);
    t.deepEqual([...result.unreadableRanges], [...bad[0], ...bad[2]]);
    t.is(result.progress.badBytes, 12 * KiB);
  }
});

test('a job that was cancelled gives only cells that it finished', async (t) => {
  const sizeBytes = 32 * MiB;
  const volume = await tmpfs.make(t, sizeBytes);
  await fill(volume, noise(4, sizeBytes));
  const file = await opened(t, volume, 'r');
  const request = {
    source: descriptorEndpoint(file.fd),
    extents: Float64Array.of(0, sizeBytes),
    algorithm: 'sha256',
    cellBytes: MiB,
  } as const;
  const whole = await digestCells(request).done;
  const job = digestCells({ ...request, bytesPerSecond: 16 * MiB, chunkBytes: 64 * KiB });
  while (job.progress().completedBytes < 3 * MiB) await new Promise(setImmediate);
  job.cancel();
  const part = await job.done;
  t.true(part.cancelled);
  t.true(part.cells.length >= 2 && part.cells.length < 32);
  t.deepEqual(listed(part, 32), listed(whole, 32).slice(0, part.cells.length));
});

test('requests that make no sense are refused', async (t) => {
  const file = await opened(t, await tmpfs.make(t, MiB), 'r');
  const request = {
    source: descriptorEndpoint(file.fd),
    extents: Float64Array.of(0, MiB),
    algorithm: 'sha256',
    cellBytes: MiB,
  } as const;
  t.throws(() => digestCells({ ...request, cellBytes: 3 * 64 * KiB }), { message: /power of two/ });
  t.throws(() => digestCells({ ...request, cellBytes: 32 * MiB }), { message: /cellBytes/ });
  t.throws(() => digestCells({ ...request, algorithm: 'md5' as 'sha256' }), { message: /sha256/ });
  t.throws(() => digestCells({ ...request, extents: Float64Array.of(MiB, 1) }), {
    message: /extents within/,
  });
  t.throws(() => digestCells({ ...request, extents: Float64Array.of(4096, 1, 0, 1) }), {
    message: /ascending/,
  });
});
