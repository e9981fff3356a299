/** Volumes with manifests, for the tests in this folder. */

import { open } from 'node:fs/promises';
import path from 'node:path';
import type { ExecutionContext } from 'ava';
import { BufferReader } from '../../fsparsers/reader.js';
import { wholeMap } from '../../fsparsers/whole.js';
import {
  type Manifest,
  type ManifestSummary,
  openManifest,
  writeManifest,
} from '../../src/manifest/index.js';
import { canonical, type ExtentList } from '../../src/region/index.js';
import { type HostVolume, openVolume } from '../../src/volume/index.js';
import type { Algorithm } from '../support/cell-digests.js';
import type { Random } from '../support/random.js';
import { scratchDirectory, sparseFile } from '../support/scratch.js';
import { fill, KiB, noise, randomExtents } from '../engine/volumes.js';

export const cellBytes = 64 * KiB;

/** What is where on a test's volume does not matter here: a map that only names the file system. */
export const someMap = {
  ...wholeMap(new BufferReader(new Uint8Array(4096)), null),
};

/** A file of noise. */
export async function noiseFile(t: ExecutionContext, seed: number, bytes: number): Promise<string> {
  const file = path.join(await scratchDirectory(t), 'volume');
  await sparseFile(file, bytes);
  await fill(file, noise(seed, bytes));
  return file;
}

export async function openedVolume(t: ExecutionContext, file: string): Promise<HostVolume> {
  const volume = await openVolume(file);
  t.teardown(() => volume.close());
  return volume;
}

/** Extents that begin and end anywhere, some longer than many cells. */
export function anyExtents(random: Random, bytes: number, count = 30): ExtentList {
  return canonical(randomExtents(random, bytes, random.pick([1, 512, 4096]), count));
}

export async function written(
  volume: HostVolume,
  extents: ExtentList,
  algorithm: Algorithm,
  file: string,
  cells = cellBytes,
): Promise<ManifestSummary> {
  return writeManifest({ volume, map: someMap, extents, algorithm, cellBytes: cells, file });
}

export async function openedManifest(t: ExecutionContext, file: string): Promise<Manifest> {
  const manifest = await openManifest(file);
  t.teardown(() => manifest.close());
  return manifest;
}

/** Changes the byte at each place. */
export async function flipBytes(file: string, places: readonly number[]): Promise<void> {
  const handle = await open(file, 'r+');
  try {
    const byte = Buffer.alloc(1);
    for (const place of places) {
      await handle.read(byte, 0, 1, place);
      byte[0] = (byte[0] ?? 0) ^ 0x20;
      await handle.write(byte, 0, 1, place);
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
}
