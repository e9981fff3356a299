/** Two manifests compared, against what cmp says of the two volumes. */

import path from 'node:path';
import test from 'ava';
import { execa } from 'execa';
import { diffManifests, openManifest } from '../../src/manifest/index.js';
import {
  eachExtent,
  emptyExtents,
  intersect,
  subtract,
  totalBytes,
  union,
} from '../../src/region/index.js';
import { algorithms } from '../support/cell-digests.js';
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

/** The whole cell that holds a byte, as an extent list. */
function cellAt(place: number): Float64Array {
  return Float64Array.of(Math.floor(place / cellBytes) * cellBytes, cellBytes);
}

for (const [index, algorithm] of algorithms.entries()) {
  test(`${algorithm}: what differs, what is in one only, what the digests cannot tell`, async (t) => {
    const random = seededRandom(t, 500 + index);
    const directory = await scratchDirectory(t);
    const bytes = 20 * MiB;
    const left = await noiseFile(t, index, bytes);
    const right = await noiseFile(t, index, bytes);
    await flipBytes(
      right,
      Array.from({ length: 30 }, () => random.between(0, bytes)),
    );
    const { stdout } = await execa('cmp', ['-l', left, right], { reject: false });
    const places = stdout.split('\n').map((line) => Number.parseInt(line, 10) - 1);
    for (let round = 0; round < 10; round++) {
      const a = anyExtents(random, bytes);
      const b = round % 2 === 0 ? a : union(a, anyExtents(random, bytes, 3));
      await written(await openedVolume(t, left), a, algorithm, path.join(directory, 'a'));
      await written(await openedVolume(t, right), b, algorithm, path.join(directory, 'b'));
      const found = await diffManifests(
        await openedManifest(t, path.join(directory, 'a')),
        await openedManifest(t, path.join(directory, 'b')),
      );
      t.deepEqual(found.onlyInA, subtract(a, b));
      t.deepEqual(found.onlyInB, subtract(b, a));
      // Of cells that both cover alike, those differ in which cmp found a covered byte that does.
      const both = intersect(a, b);
      const unlike = union(subtract(a, b), subtract(b, a));
      const cells = [...new Set(places.map((place) => Math.floor(place / cellBytes)))].sort(
        (x, y) => x - y,
      );
      let different = emptyExtents;
      for (const cell of cells) {
        const whole = cellAt(cell * cellBytes);
        const touched = places.some(
          (place) =>
            Math.floor(place / cellBytes) === cell &&
            intersect(both, Float64Array.of(place, 1)).length > 0,
        );
        if (touched && intersect(unlike, whole).length === 0) {
          different = union(different, intersect(both, whole));
        }
      }
      t.deepEqual(found.differentRanges, different);
      let notProven = emptyExtents;
      for (const { start, length } of eachExtent(unlike)) {
        for (let at = start; at < start + length; at += cellBytes) {
          notProven = union(notProven, intersect(both, cellAt(at)));
        }
        notProven = union(notProven, intersect(both, cellAt(start + length - 1)));
      }
      t.deepEqual(found.notProvenRanges, notProven);
    }
  });
}

test('one difference on a huge volume costs the way down to it', async (t) => {
  const directory = await scratchDirectory(t);
  const file = await sparseFile(path.join(directory, 'huge'), 8 * 2 ** 40);
  const places = Float64Array.from({ length: 500 }, (_, index) =>
    index % 2 === 0 ? (index / 2) * 2 ** 35 + 12288 : 8192,
  );
  const a = path.join(directory, 'a');
  const b = path.join(directory, 'b');
  const summary = await written(await openedVolume(t, file), places, 'xxh3-128', a, MiB);
  t.is(summary.coveredCells, 250);
  // In proportion to what is covered, not to the volume.
  t.true(summary.fileBytes < 250 * 1024);
  await flipBytes(file, [100 * 2 ** 35 + 13000]);
  await written(await openedVolume(t, file), places, 'xxh3-128', b, MiB);
  const { nodesRead, ...found } = await diffManifests(
    await openedManifest(t, a),
    await openedManifest(t, b),
  );
  t.deepEqual([...found.differentRanges], [100 * 2 ** 35 + 12288, 8192]);
  t.is(totalBytes(union(found.onlyInA, union(found.onlyInB, found.notProvenRanges))), 0);
  // Five levels, two files.
  t.is(nodesRead, 10);
});

test('what one of them could not read is not proven, though all digests are equal', async (t) => {
  const bytes = 4 * MiB;
  const backing = await noiseFile(t, 1, bytes);
  const broken = await fileWithBadSectors(t, backing, bytes, [[MiB, 4 * KiB]]);
  const directory = await scratchDirectory(t);
  const file = path.join(directory, 'a');
  await written(await openedVolume(t, broken), Float64Array.of(0, bytes), 'sha256', file);
  const manifest = await openedManifest(t, file);
  const { notProvenRanges, differentRanges } = await diffManifests(manifest, manifest);
  t.deepEqual([...notProvenRanges], [MiB, cellBytes]);
  t.is(differentRanges.length, 0);
});

test('manifests of different kinds are refused, those of volumes of different sizes compared', async (t) => {
  const directory = await scratchDirectory(t);
  const small = path.join(directory, 'small');
  const large = path.join(directory, 'large');
  await fill(await sparseFile(small, MiB), noise(1, MiB));
  await fill(await sparseFile(large, 2 * MiB), noise(1, MiB));
  const write = async (
    name: string,
    volume: string,
    algorithm: 'sha256' | 'xxh64',
    cells: number,
  ) => {
    const file = path.join(directory, name);
    const extents = Float64Array.of(0, MiB);
    await written(await openedVolume(t, volume), extents, algorithm, file, cells);
    return openedManifest(t, file);
  };
  const base = await write('base', small, 'sha256', cellBytes);
  const kind = { code: 'MANIFESTS_DIFFER_IN_KIND' };
  await t.throwsAsync(diffManifests(base, await write('x', small, 'xxh64', cellBytes)), kind);
  await t.throwsAsync(diffManifests(base, await write('y', small, 'sha256', MiB)), kind);
  const other = await write('z', large, 'sha256', cellBytes);
  t.not(base.header.root, other.header.root);
  const { differentRanges, onlyInA, onlyInB } = await diffManifests(base, other);
  t.is(differentRanges.length + onlyInA.length + onlyInB.length, 0);
});

test('what is no manifest is not overwritten, and a file that is none is not opened', async (t) => {
  const directory = await scratchDirectory(t);
  const image = await noiseFile(t, 2, MiB);
  const volume = await openedVolume(t, image);
  const extents = Float64Array.of(0, MiB);
  for (const place of [image, directory, '/dev/null']) {
    await t.throwsAsync(written(volume, extents, 'sha256', place), { code: 'NOT_A_MANIFEST' });
    await t.throwsAsync(openManifest(place), { code: 'NOT_A_MANIFEST' });
  }
  const missing = path.join(directory, 'no', 'where');
  await t.throwsAsync(written(volume, extents, 'sha256', missing), { code: 'VOLUME_NOT_FOUND' });
  await t.throwsAsync(openManifest(missing), { code: 'VOLUME_NOT_FOUND' });
  const { stdout } = await execa('cmp', [image, await noiseFile(t, 2, MiB)]);
  t.is(stdout, '');
});
