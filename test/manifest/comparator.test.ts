/** Manifests of volumes and the judgement by them, against xxhsum, sha256sum and cmp. */

import { execFile } from 'node:child_process';
import { readdir, stat, truncate } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { digestCells } from '../../src/engine/index.js';
import { coveredCells, leafBatches } from '../../src/manifest/cells.js';
import { comparatorOf } from '../../src/manifest/index.js';
import { eachExtent, extentOf, intersect, totalBytes, union } from '../../src/region/index.js';
import { algorithms, cellDigestsByTools } from '../support/cell-digests.js';
import { seededRandom } from '../support/random.js';
import { scratchDirectory, sparseFile } from '../support/scratch.js';
import { fileWithBadSectors } from '../engine/nbd.js';
import { fill, KiB, MiB, noise } from '../engine/volumes.js';
import {
  anyExtents,
  cellBytes,
  flipBytes,
  noiseFile,
  openedManifest,
  openedVolume,
  written,
} from './support.js';
import { during } from '../support/until.js';

const run = promisify(execFile);

for (const [index, algorithm] of algorithms.entries()) {
  test(`${algorithm}: the digests are those of the tools, and a clean volume is equal`, async (t) => {
    const random = seededRandom(t, 400 + index);
    const bytes = 40 * MiB + 777;
    const volume = await openedVolume(t, await noiseFile(t, index, bytes));
    const file = path.join(await scratchDirectory(t), 'manifest');
    const extents = anyExtents(random, bytes);
    const summary = await written(volume, extents, algorithm, file);
    const manifest = await openedManifest(t, file);
    t.deepEqual(await manifest.extents(), extents);
    const digests: [number, string][] = [];
    for await (const { cells } of manifest.tree.leaves()) {
      for (const { cell, digest } of cells) {
        digests.push([cell, Buffer.from(digest ?? []).toString('hex')]);
      }
    }
    const { path: volumePath } = volume.identity;
    t.deepEqual(digests, await cellDigestsByTools(volumePath, extents, cellBytes, algorithm));
    t.is(summary.coveredBytes, totalBytes(extents));
    t.is(summary.coveredCells, digests.length);
    t.is(manifest.header.root, summary.root);
    t.is((await stat(file)).size, summary.fileBytes);
    t.deepEqual(await readdir(path.dirname(file)), ['manifest']);

    const result = await comparatorOf(manifest, volume, 'native').compare(extents, {}).done;
    t.deepEqual([...result.differentRanges, ...result.unreadableRanges], []);
    t.is(result.progress.identicalBytes, totalBytes(extents));
    t.is(result.progress.durableBytes, totalBytes(extents));
    t.false(result.cancelled);
  });
}

test('stopped anywhere, it counts in what was asked, and not in the cells that were read for it', async (t) => {
  const bytes = 24 * MiB;
  const volume = await openedVolume(t, await noiseFile(t, 5, bytes));
  const manifestFile = path.join(await scratchDirectory(t), 'manifest');
  await written(volume, extentOf(0, bytes), 'xxh64', manifestFile);
  const manifest = await openedManifest(t, manifestFile);
  // Every cell differs, so what was judged shows; of every cell its second half is asked.
  const other = await openedVolume(t, await noiseFile(t, 6, bytes));
  const half = cellBytes / 2;
  const asked = Float64Array.from({ length: (2 * bytes) / cellBytes }, (_, index) =>
    index % 2 === 0 ? (index / 2) * cellBytes + half : half,
  );
  const job = comparatorOf(manifest, other, 'native').compare(asked, { bytesPerSecond: 4 * MiB });
  await during(job.done, () => job.progress().completedBytes > 0);
  job.cancel();
  const { cancelled, differentRanges, progress } = await job.done;
  t.true(cancelled);
  t.is(progress.durableBytes, totalBytes(differentRanges));
});

test('flipped bytes are found in their cells, by the native engine and by the portable one', async (t) => {
  const random = seededRandom(t, 410);
  const bytes = 24 * MiB;
  const file = await noiseFile(t, 3, bytes);
  const volume = await openedVolume(t, file);
  const manifestFile = path.join(await scratchDirectory(t), 'manifest');
  for (let round = 0; round < 20; round++) {
    const extents = anyExtents(random, bytes);
    await written(volume, extents, 'xxh64', manifestFile);
    const manifest = await openedManifest(t, manifestFile);
    const before = await noiseFile(t, 0, 1);
    await run('cp', ['--sparse=never', file, before]);
    await flipBytes(
      file,
      Array.from({ length: 6 }, () => random.between(0, bytes)),
    );
    // Which covered bytes differ is cmp's word; ours is the covered part of their cells.
    const { stdout } = await run('cmp', ['-l', before, file]).catch(
      (error: unknown) => error as { stdout: string },
    );
    const places = stdout
      .trim()
      .split('\n')
      .map((line) => Number.parseInt(line, 10) - 1);
    const cells = new Set(
      places
        .filter((at) => intersect(extents, Float64Array.of(at, 1)).length > 0)
        .map((at) => Math.floor(at / cellBytes)),
    );
    const expected = [...cells]
      .map((cell) => intersect(extents, Float64Array.of(cell * cellBytes, cellBytes)))
      .reduce(union, new Float64Array(0));
    for (const engine of ['native', 'portable'] as const) {
      const result = await comparatorOf(manifest, volume, engine).compare(extents, {}).done;
      t.deepEqual(result.differentRanges, expected);
      t.is(result.unreadableRanges.length, 0);
      t.is(result.progress.differentBytes, totalBytes(expected));
    }
  }
});

test('part of a cell is asked for: all of it is read, and the answer is about that part', async (t) => {
  const file = await noiseFile(t, 5, 4 * MiB);
  const volume = await openedVolume(t, file);
  const manifestFile = path.join(await scratchDirectory(t), 'manifest');
  await written(volume, Float64Array.of(0, 2 * MiB, 3 * MiB, 4 * KiB), 'sha256', manifestFile);
  const manifest = await openedManifest(t, manifestFile);
  await flipBytes(file, [10]);
  const comparator = comparatorOf(manifest, volume, 'native');
  const { differentRanges } = await comparator.compare(Float64Array.of(4096, 8192), {}).done;
  t.deepEqual([...differentRanges], [4096, 8192]);
  const beyond = comparator.compare(Float64Array.of(3 * MiB, 8 * KiB), {}).done;
  await t.throwsAsync(beyond, { instanceOf: RangeError, message: /covers/ });
  const unsorted = comparator.compare(Float64Array.of(8192, 4096, 0, 4096), {}).done;
  await t.throwsAsync(unsorted, { instanceOf: RangeError, message: /sorted/ });
});

test('what cannot be read is not proven: now, or when the manifest was written', async (t) => {
  const bytes = 8 * MiB;
  const backing = await sparseFile(path.join(await scratchDirectory(t), 'backing'), bytes);
  await fill(backing, noise(8, bytes));
  const bad = [[MiB + 4 * KiB, 4 * KiB]] as const;
  const broken = await openedVolume(t, await fileWithBadSectors(t, backing, bytes, bad));
  const healthy = await openedVolume(t, backing);
  const extents = Float64Array.of(0, 3 * MiB, 5 * MiB, MiB);
  const cell = [MiB, cellBytes];
  for (const [writer, reader] of [
    [broken, healthy],
    [healthy, broken],
  ] as const) {
    const file = path.join(await scratchDirectory(t), 'manifest');
    const summary = await written(writer, extents, 'xxh64', file);
    t.deepEqual([...summary.unreadableRanges], writer === broken ? [...bad[0]] : []);
    t.is(summary.unprovenBytes, writer === broken ? cellBytes : 0);
    const manifest = await openedManifest(t, file);
    t.deepEqual(await manifest.extents(), extents);
    for (const engine of ['native', 'portable'] as const) {
      const result = await comparatorOf(manifest, reader, engine).compare(extents, {}).done;
      t.deepEqual([...result.unreadableRanges], cell);
      t.deepEqual([...result.differentRanges], []);
      t.is(result.progress.badBytes, cellBytes);
    }
  }
});

test('what a smaller volume cannot hold is different', async (t) => {
  const file = await noiseFile(t, 6, 4 * MiB);
  const volume = await openedVolume(t, file);
  const manifestFile = path.join(await scratchDirectory(t), 'manifest');
  const extents = Float64Array.of(
    0,
    MiB,
    2 * MiB,
    10 * KiB,
    2 * MiB + 20 * KiB,
    2 * MiB - 20 * KiB,
  );
  await written(volume, extents, 'xxh3-128', manifestFile);
  const manifest = await openedManifest(t, manifestFile);
  for (const [smallerBytes, firstMissing] of [
    [2 * MiB + 3 * cellBytes, 2 * MiB + 3 * cellBytes],
    [2 * MiB + 15 * KiB, 2 * MiB],
  ] as const) {
    await truncate(file, smallerBytes);
    const smaller = await openedVolume(t, file);
    const { differentRanges, progress } = await comparatorOf(manifest, smaller, 'native').compare(
      extents,
      {},
    ).done;
    const rest = Float64Array.of(firstMissing, 4 * MiB - firstMissing);
    t.deepEqual(differentRanges, intersect(extents, rest));
    t.is(progress.completedBytes, progress.totalBytes);
  }
});

test('batches of work hold every byte once and end where leaves end', (t) => {
  const random = seededRandom(t, 420);
  for (const [volumeBytes, count] of [
    [64 * 2 ** 40, 3000],
    [2 ** 34, 20],
  ] as const) {
    const extents = anyExtents(random, volumeBytes, count);
    const batches = [...leafBatches(extents, MiB)];
    t.deepEqual(batches.reduce(union, new Float64Array(0)), extents);
    t.is(
      batches.reduce((sum, batch) => sum + totalBytes(batch), 0),
      totalBytes(extents),
    );
    t.true(batches.length > 1);
    const leaves = batches.map((batch) => {
      const leafOf = (at: number) => Math.floor(at / (256 * MiB));
      const end = (batch.at(-2) ?? 0) + (batch.at(-1) ?? 0);
      return [leafOf(batch[0] ?? 0), leafOf(end - 1)] as const;
    });
    t.true(leaves.every(([first], i) => i === 0 || first > (leaves[i - 1]?.[1] ?? 0)));
  }
});

test('cells of extents are what digesting them gives', async (t) => {
  const random = seededRandom(t, 430);
  const volume = await openedVolume(t, await noiseFile(t, 9, 8 * MiB));
  const extents = anyExtents(random, 8 * MiB);
  const request = { source: volume.endpoint, extents, algorithm: 'xxh64', cellBytes } as const;
  const { cells } = await digestCells(request).done;
  const ours = [...coveredCells(extents, cellBytes)];
  t.deepEqual(
    ours.map(({ cell }) => cell),
    [...cells],
  );
  const joined = ours.map(({ coverage }) => coverage).reduce(union, new Float64Array(0));
  t.deepEqual([...eachExtent(joined)], [...eachExtent(extents)]);
});
