/** A leaf: 256 cells, which of their bytes are covered, and the digests. */

import type { DigestAlgorithm } from '../engine/index.js';
import { bitmapOf, bitsOf, hasBit, isWithin } from './bitmap.js';
import { putChecksum, tagOf } from './block.js';
import type { CoveredCell } from './cells.js';
import { checksumBytes, digestBytes, domains, encode, fanOut, leafHeader } from './format.js';
import { hashIn } from './hashes.js';
import { pushRuns, RunReader } from './runs.js';

/** A cell in a manifest. */
export interface ManifestCell extends CoveredCell {
  /** Null where it could not be read when the manifest was written. */
  readonly digest: Uint8Array | null;
}

export interface Grid {
  readonly algorithm: DigestAlgorithm;
  readonly cellBytes: number;
  readonly deviceBytes: number;
}

const hashedFrom = 8;

/** The digest of a leaf in the tree: of all bytes except tag, length and checksum. */
export function leafDigest(algorithm: DigestAlgorithm, block: Uint8Array): Uint8Array {
  const hashed = block.subarray(hashedFrom, block.length - checksumBytes);
  return hashIn(algorithm, domains.leaf, hashed);
}

function isWhole(coverage: Float64Array, cellBytes: number): boolean {
  return coverage.length === 2 && coverage[1] === cellBytes;
}

/** Encodes the cells of leaf `index` as the block at `offsetBytes` of the file. */
export function encodeLeaf(
  { cellBytes }: Grid,
  index: number,
  cells: readonly ManifestCell[],
  offsetBytes: number,
): Buffer {
  const first = index * fanOut;
  const bits = (some: readonly ManifestCell[]) => bitmapOf(some.map(({ cell }) => cell - first));
  const partial = cells.filter(({ coverage }) => !isWhole(coverage, cellBytes));
  const runs: number[] = [];
  for (const { cell, coverage } of partial) pushRuns(runs, coverage, cell * cellBytes);
  const digests = cells.flatMap(({ digest }) => digest ?? []);
  const tail = Buffer.concat([Buffer.from(runs), ...digests]);
  const block = Buffer.alloc(leafHeader.sizeBytes + tail.length + checksumBytes);
  const header = {
    tag: tagOf('leaf'),
    lengthBytes: block.length,
    index,
    present: bits(cells),
    whole: bits(cells.filter(({ coverage }) => isWhole(coverage, cellBytes))),
    proven: bits(cells.filter(({ digest }) => digest !== null)),
    runBytes: runs.length,
  };
  encode(leafHeader, header, block);
  tail.copy(block, leafHeader.sizeBytes);
  return putChecksum(block, offsetBytes);
}

/** Decodes the cells of a leaf. Calls `fail`, which must throw, where the block contradicts itself. */
export function decodeLeaf(
  { algorithm, cellBytes, deviceBytes }: Grid,
  block: Buffer,
  fail: (what: string) => never,
): ManifestCell[] {
  if (block.length < leafHeader.sizeBytes + checksumBytes) fail('is too short for a leaf');
  const { index, present, whole, proven, runBytes } = leafHeader.decode(block);
  const width = digestBytes[algorithm];
  const bits = bitsOf(present);
  const digestsAt = leafHeader.sizeBytes + runBytes;
  const lengthBytes = digestsAt + bitsOf(proven).length * width + checksumBytes;
  if (block.length !== lengthBytes) fail(`has ${block.length} bytes where ${lengthBytes} belong`);
  if (bits.length === 0) fail('holds no cells');
  if (!isWithin(whole, present) || !isWithin(proven, present))
    fail('describes cells that it does not have');

  const runs = new RunReader(block.subarray(leafHeader.sizeBytes, digestsAt));
  let digestAt = digestsAt;
  const cells = bits.map((bit) => {
    const cell = index * fanOut + bit;
    const start = cell * cellBytes;
    const room = Math.min(cellBytes, deviceBytes - start);
    const coverage = hasBit(whole, bit)
      ? Float64Array.of(start, cellBytes)
      : (runs.next(start, room) ?? fail(`has invalid runs for cell ${cell}`));
    if (hasBit(whole, bit) ? room < cellBytes : isWhole(coverage, cellBytes)) {
      fail(`has a flag for cell ${cell} that contradicts its runs`);
    }
    if (!hasBit(proven, bit)) return { cell, coverage, digest: null };
    digestAt += width;
    return { cell, coverage, digest: block.subarray(digestAt - width, digestAt) };
  });
  if (!runs.isAtEnd) fail('has runs that belong to no cell');
  return cells;
}
