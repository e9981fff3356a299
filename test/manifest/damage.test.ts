/** Manifests that are not what was written: cut off, altered, too long, or made by somebody who means harm. */

import { readFile, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { FastsyncError } from '../../src/errors.js';
import { putChecksum } from '../../src/manifest/block.js';
import { requireCanonical } from '../../src/manifest/cells.js';
import { ManifestError } from '../../src/manifest/error.js';
import { type Manifest, diffManifests, openManifest } from '../../src/manifest/index.js';
import { totalBytes } from '../../src/region/index.js';
import { seededRandom } from '../support/random.js';
import { scratchDirectory, sparseFile } from '../support/scratch.js';
import { KiB, MiB } from '../engine/volumes.js';
import { blocksOf, reseal, resign } from './forgery.js';
import { anyExtents, flipBytes, openedManifest, openedVolume, written } from './support.js';

const volumeBytes = 700 * MiB + 512;

/** A manifest of a handful of leaves and every level of nodes. */
async function someManifest(t: ExecutionContext, seed: number, algorithm: 'xxh64' | 'sha256') {
  const random = seededRandom(t, seed);
  const directory = await scratchDirectory(t);
  const volume = await openedVolume(
    t,
    await sparseFile(path.join(directory, 'volume'), volumeBytes),
  );
  const file = path.join(directory, 'manifest');
  // Small enough that every byte of it can be tried.
  const extents = anyExtents(random, 2 * MiB, 12).map((number, index) =>
    index % 2 === 0 ? number + Math.floor(index / 6) * 160 * MiB : number,
  );
  await written(volume, extents, algorithm, file);
  return { random, directory, volume, file, bytes: await readFile(file), extents };
}

/** What reading all of a manifest comes to; fails the test for an error that no user should see. */
async function attempt<T>(
  t: ExecutionContext,
  file: string,
  use: (manifest: Manifest) => Promise<T>,
): Promise<T | FastsyncError> {
  try {
    await using manifest = await openManifest(file);
    return await use(manifest);
  } catch (error) {
    if (error instanceof FastsyncError) return error;
    t.fail(`not an error for users: ${String(error)}`);
    throw error;
  }
}

test('every byte that is changed is noticed when the manifest is read', async (t) => {
  const { random, directory, bytes } = await someManifest(t, 600, 'xxh64');
  const file = path.join(directory, 'changed');
  t.log(`${bytes.length} bytes`);
  for (let at = 0; at < bytes.length; at++) {
    const changed = Buffer.from(bytes);
    changed[at] = (changed[at] ?? 0) ^ (1 << random.between(0, 8));
    await writeFile(file, changed);
    const outcome = await attempt(t, file, (manifest) => manifest.extents());
    if (!(outcome instanceof FastsyncError)) {
      t.fail(`byte ${at} was changed, and nobody noticed`);
    } else if (outcome instanceof ManifestError) {
      // The block that is named is the one that holds the byte.
      const block = blocksOf(bytes).findLast(({ offset }) => offset <= at);
      t.is(outcome.offsetBytes, block?.offset ?? -1);
      t.regex(outcome.message, /(header|leaf \d+|node \d+ of level \d) at byte \d+/);
    } else {
      t.true(outcome.code === 'NOT_A_MANIFEST' && at < 16, `${outcome.code} at ${at}`);
    }
  }
});

test('a changed manifest is an error or gives the true answer when two are compared', async (t) => {
  const { random, directory, volume, file, bytes, extents } = await someManifest(t, 610, 'sha256');
  const otherFile = path.join(directory, 'other');
  await flipBytes(volume.identity.path, [(extents[0] ?? 0) + 1]);
  await written(volume, extents, 'sha256', otherFile);
  const other = await openedManifest(t, otherFile);
  const truth = await diffManifests(await openedManifest(t, file), other);
  t.is(truth.differentRanges.length, 2);
  let noticed = 0;
  for (let round = 0; round < 600; round++) {
    const changed = Buffer.from(bytes);
    const at = random.between(0, bytes.length);
    changed[at] = (changed[at] ?? 0) ^ (1 << random.between(0, 8));
    await writeFile(path.join(directory, 'changed'), changed);
    const outcome = await attempt(t, path.join(directory, 'changed'), (manifest) =>
      diffManifests(manifest, other),
    );
    if (outcome instanceof FastsyncError) noticed++;
    else t.deepEqual(outcome, truth);
  }
  t.true(noticed > 100);
});

test('a manifest that is cut off or goes on is noticed when it is opened', async (t) => {
  const { random, directory, bytes } = await someManifest(t, 620, 'sha256');
  const file = path.join(directory, 'cut');
  const lengths = [0, 1, 15, 16, 31, 143, 144, bytes.length - 1];
  for (let round = 0; round < 200; round++) lengths.push(random.between(0, bytes.length));
  for (const length of lengths) {
    await writeFile(file, bytes.subarray(0, length));
    const error = await t.throwsAsync(openManifest(file), { instanceOf: FastsyncError });
    t.is(error.code, length < 16 ? 'NOT_A_MANIFEST' : 'MANIFEST_DAMAGED');
  }
  for (const more of [1, 8, 5000]) {
    await writeFile(file, Buffer.concat([bytes, Buffer.alloc(more)]));
    await t.throwsAsync(openManifest(file), { code: 'MANIFEST_DAMAGED', message: /header/ });
  }
});

test('a block that is whole and lies in another’s place is noticed', async (t) => {
  const { directory, bytes } = await someManifest(t, 630, 'xxh64');
  const file = path.join(directory, 'swapped');
  // Without the header, which may be as long as a leaf: it names the volume's path. Its place is known.
  const [, ...blocks] = blocksOf(bytes);
  let swaps = 0;
  for (const one of blocks) {
    for (const other of blocks) {
      if (one.offset >= other.offset || one.lengthBytes !== other.lengthBytes) continue;
      const swapped = Buffer.from(bytes);
      bytes.copy(swapped, one.offset, other.offset, other.offset + other.lengthBytes);
      bytes.copy(swapped, other.offset, one.offset, one.offset + one.lengthBytes);
      await writeFile(file, swapped);
      const plain = await attempt(t, file, (manifest) => manifest.extents());
      t.true(plain instanceof ManifestError);
      // Also where their checksums were made to fit the new places.
      for (const { offset, lengthBytes } of [one, other]) {
        putChecksum(swapped.subarray(offset, offset + lengthBytes), offset);
      }
      await writeFile(file, swapped);
      t.true((await attempt(t, file, (manifest) => manifest.extents())) instanceof ManifestError);
      swaps++;
    }
  }
  t.true(swaps > 0);
});

const extremes = [0n, 1n, 255n, 0xffffn, 2n ** 31n, 2n ** 32n - 1n, 2n ** 53n - 1n, 2n ** 64n - 1n];

test('hostile numbers with checksums that fit end in an error or change nothing', async (t) => {
  const { random, directory, bytes, extents } = await someManifest(t, 640, 'sha256');
  const file = path.join(directory, 'hostile');
  for (const block of blocksOf(bytes)) {
    const places = Array.from({ length: 40 }, () => random.between(0, block.lengthBytes - 16));
    // Every number of the header, and of what stands at the head of the others.
    for (let at = 0; at < Math.min(136, block.lengthBytes - 16); at += 4) places.push(at);
    for (const at of places) {
      const hostile = Buffer.from(bytes);
      const width = random.pick([1, 2, 4, 8]);
      const value = BigInt.asUintN(8 * width, random.pick(extremes));
      const number = Buffer.alloc(8);
      number.writeBigUInt64LE(value);
      number.copy(hostile, block.offset + at, 0, width);
      reseal(hostile, block);
      await writeFile(file, hostile);
      const outcome = await attempt(t, file, (manifest) => manifest.extents());
      if (!(outcome instanceof FastsyncError)) t.deepEqual(outcome, extents);
    }
  }
});

test('a block that was changed with its checksum is not what the node above it knows', async (t) => {
  const { random, directory, bytes } = await someManifest(t, 645, 'sha256');
  const file = path.join(directory, 'altered');
  const [, ...blocks] = blocksOf(bytes);
  for (const block of blocks) {
    // A digest in it: of a cell, or of a child.
    const at = block.offset + (block.tag === 'LEAF' ? block.lengthBytes - 9 : 88);
    const altered = Buffer.from(bytes);
    altered[at] = (altered[at] ?? 0) ^ (1 << random.between(0, 8));
    reseal(altered, block);
    await writeFile(file, altered);
    const outcome = await attempt(t, file, (manifest) => manifest.extents());
    t.true(outcome instanceof ManifestError);
    t.regex((outcome as Error).message, /its digest in the parent node|the root in the header/);
    t.is((outcome as ManifestError).offsetBytes, block.offset);
  }
});

test('a manifest forged from leaf to root is refused or is one that could be', async (t) => {
  const { random, directory, bytes } = await someManifest(t, 650, 'sha256');
  const file = path.join(directory, 'forged');
  const leaves = blocksOf(bytes).filter(({ tag }) => tag === 'LEAF');
  let refused = 0;
  let taken = 0;
  for (let round = 0; round < 1500; round++) {
    const forged = Buffer.from(bytes);
    const leaf = random.pick(leaves);
    // Behind the head: bitmaps, lengths, runs, digests.
    const at = leaf.offset + random.between(16, leaf.lengthBytes - 8);
    forged[at] = random.pick([0, 1, 0x7f, 0x80, 0xff, random.between(0, 256)]);
    resign(forged, bytes, leaf);
    await writeFile(file, forged);
    const outcome = await attempt(t, file, async (manifest) => ({
      extents: await manifest.extents(),
      header: manifest.header,
    }));
    if (outcome instanceof FastsyncError) {
      refused++;
    } else {
      taken++;
      t.notThrows(() => {
        requireCanonical(outcome.extents, volumeBytes);
      });
      t.is(totalBytes(outcome.extents), outcome.header.coveredBytes);
    }
  }
  // Digests may be anything; what they cover may not.
  t.log(`${refused} refused, ${taken} taken`);
  t.true(refused > 100 && taken > 100);
});

test('a length that promises gigabytes takes no memory', async (t) => {
  const { directory, bytes } = await someManifest(t, 660, 'xxh64');
  const file = path.join(directory, 'long');
  const before = process.memoryUsage().rss;
  const header = Buffer.from(bytes);
  header.writeUInt32LE(0xffffffff, 96); // of the top node
  header.writeBigUInt64LE(2n ** 42n, 32); // and a file that is long enough
  reseal(header, blocksOf(bytes)[0]);
  await writeFile(file, header);

  await truncate(file, 2 ** 42);
  await t.throwsAsync(openManifest(file), {
    code: 'MANIFEST_DAMAGED',
    message: /outside the file/,
  });
  header.writeUInt32LE(64 * MiB, 96);
  reseal(header, blocksOf(bytes)[0]);
  await writeFile(file, header);
  await truncate(file, 2 ** 42);
  const outcome = await attempt(t, file, (manifest) => manifest.extents());
  t.true(outcome instanceof ManifestError);
  t.true(process.memoryUsage().rss - before < 256 * 1024 * KiB);
});
