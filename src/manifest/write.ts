/** Writes a manifest of a volume: reads the covered extents once, digests them, and builds the tree. */

import type { UsedMap } from '../../fsparsers/usedmap.js';
import {
  digestCells,
  noProgress,
  type DigestAlgorithm,
  type DigestResult,
  type IoOptions,
  type Progress,
} from '../engine/index.js';
import { ExtentBuilder, type ExtentList, totalBytes } from '../region/index.js';
import type { HostVolume } from '../volume/index.js';
import { coveredCells, leafBatches, requireCanonical } from './cells.js';
import { addProgress } from './progress.js';
import { unsuitable } from './error.js';
import { algorithmIds, digestBytes, fanOut, mostBlockBytes } from './format.js';
import { encodeHeader, headerBytes, isCellSize, type ManifestHeader } from './header.js';
import type { Grid, ManifestCell } from './leaf.js';
import { NewFile } from './new-file.js';
import { rootDigest } from './node.js';
import { TreeWriter } from './tree-writer.js';

/** Independent of the volume's size, so that manifests can be compared. 16 bytes of manifest per MiB. */
export const defaultCellBytes = 1024 * 1024;

export interface WriteManifestRequest {
  readonly volume: HostVolume;
  readonly map: UsedMap;
  /** What to cover: canonical, within the volume. */
  readonly extents: ExtentList;
  readonly algorithm: DigestAlgorithm;
  /** A power of two from 64 KiB to 16 MiB. */
  readonly cellBytes?: number | undefined;
  readonly file: string;
  readonly ioOptions?: IoOptions | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called for every range that cannot be read, as soon as it is met. */
  readonly onUnreadable?: ((ranges: ExtentList) => void) | undefined;
  /** Called a few times a second with the progress of the whole work. */
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}

export interface ManifestSummary extends ManifestHeader {
  readonly file: string;
  readonly fileBytes: number;
  /** The manifest proves nothing about the cells of these ranges; the caller must say so. */
  readonly unreadableRanges: ExtentList;
  readonly progress: Progress;
}

const progressEveryMs = 250;

/**
 * Digests `extents` of the volume and writes the manifest, which replaces `file` when it is complete
 * and durable. What cannot be read is part of the manifest, without a digest: a later check calls it
 * not proven. Rejects with FastsyncError, EngineError, RangeError for a request that makes no sense,
 * or the signal's reason; `file` is then as it was.
 */
export async function writeManifest(request: WriteManifestRequest): Promise<ManifestSummary> {
  const { volume, map, extents, algorithm, file } = request;
  const { type, uuid, label } = map.filesystem;
  const grid: Grid = {
    algorithm,
    cellBytes: request.cellBytes ?? defaultCellBytes,
    deviceBytes: volume.identity.sizeBytes,
  };
  requireCanonical(extents, grid.deviceBytes);
  if (!Object.hasOwn(digestBytes, algorithm) || !isCellSize(grid.cellBytes)) {
    throw new RangeError(
      `Expected an algorithm and a cell size, got ${algorithm}, ${grid.cellBytes}`,
    );
  }
  const texts = { filesystem: { type, uuid, label }, source: volume.identity.path };
  const output = await NewFile.create(file, headerBytes(texts));
  try {
    const tree = new TreeWriter(grid, output);
    const digested = await digestInto(tree, grid, request);
    const top = await tree.finish();
    const header = {
      ...grid,
      ...texts,
      createdAt: new Date().toISOString(),
      coveredBytes: totalBytes(extents),
      coveredCells: digested.coveredCells,
      unprovenBytes: digested.unprovenBytes,
      crossCheck: map.crossCheck ?? null,
      root: Buffer.from(rootDigest(grid, algorithmIds[algorithm], top.digest)).toString('hex'),
      fileBytes: output.offset,
      topOffset: top.offset,
      topLengthBytes: top.lengthBytes,
    };
    await output.commit(encodeHeader(header));
    const { unreadableRanges, progress } = digested;
    return { version: 1, ...header, file, unreadableRanges, progress };
  } catch (error) {
    await output.discard();
    throw error;
  }
}

interface Digested {
  readonly coveredCells: number;
  readonly unprovenBytes: number;
  readonly unreadableRanges: ExtentList;
  readonly progress: Progress;
}

async function digestInto(
  tree: TreeWriter,
  grid: Grid,
  request: WriteManifestRequest,
): Promise<Digested> {
  const unreadable = new ExtentBuilder();
  let done: Progress = { ...noProgress, totalBytes: totalBytes(request.extents) };
  let cells = 0;
  let unprovenBytes = 0;
  for (const batch of leafBatches(request.extents, grid.cellBytes)) {
    const result = await digestBatch(batch, grid, request, done);
    if (result.unreadableRanges.length > 0) request.onUnreadable?.(result.unreadableRanges);
    for (let i = 0; i < result.unreadableRanges.length; i += 2) {
      const start = result.unreadableRanges[i] as number;
      unreadable.add(start, start + (result.unreadableRanges[i + 1] as number));
    }
    for (const [index, leaf] of leavesOf(batch, grid, result)) {
      checkSize(leaf);
      cells += leaf.length;
      for (const { digest, coverage } of leaf) {
        if (digest === null) unprovenBytes += totalBytes(coverage);
      }
      await tree.addLeaf(index, leaf);
    }
    done = addProgress(done, result.progress);
    request.onProgress?.(done);
  }
  return {
    coveredCells: cells,
    unprovenBytes,
    unreadableRanges: unreadable.finish(),
    progress: done,
  };
}

/** One job. Rejects with the signal's reason when it is aborted. */
async function digestBatch(
  extents: ExtentList,
  { algorithm, cellBytes }: Grid,
  { volume, ioOptions, signal, onProgress }: WriteManifestRequest,
  done: Progress,
): Promise<DigestResult> {
  signal?.throwIfAborted();
  const job = digestCells({ ...ioOptions, source: volume.endpoint, extents, algorithm, cellBytes });
  const cancel = () => {
    job.cancel();
  };
  signal?.addEventListener('abort', cancel);
  const timer = setInterval(() => {
    onProgress?.(addProgress(done, job.progress()));
  }, progressEveryMs);
  try {
    const result = await job.done;
    signal?.throwIfAborted();
    return result;
  } finally {
    clearInterval(timer);
    signal?.removeEventListener('abort', cancel);
  }
}

/** The cells of a batch with their digests, grouped by leaf. */
function* leavesOf(
  batch: ExtentList,
  { algorithm, cellBytes }: Grid,
  { cells, digests }: DigestResult,
): Generator<[index: number, cells: ManifestCell[]]> {
  const width = digestBytes[algorithm];
  let index = -1;
  let leaf: ManifestCell[] = [];
  let next = 0;
  for (const covered of coveredCells(batch, cellBytes)) {
    const here = Math.floor(covered.cell / fanOut);
    if (here !== index) {
      if (leaf.length > 0) yield [index, leaf];
      index = here;
      leaf = [];
    }
    const isProven = cells[next] === covered.cell;
    const digest = isProven ? digests.subarray(next * width, (next + 1) * width) : null;
    if (isProven) next++;
    leaf.push({ ...covered, digest });
  }
  if (leaf.length > 0) yield [index, leaf];
}

const runBytesAtMost = 8;

/** Refuses a map with so many pieces that the leaf would exceed the largest block. */
function checkSize(leaf: readonly ManifestCell[]): void {
  const runs = leaf.reduce((sum, { coverage }) => sum + coverage.length / 2, 0);
  if (runs * runBytesAtMost < mostBlockBytes / 2) return;
  throw unsuitable(
    'MANIFEST_TOO_FINE',
    `the map has ${runs} pieces from byte ${leaf[0]?.coverage[0] ?? 0} on, too many for one part of a manifest`,
    'choose smaller cells with --manifest-cell, or --whole',
  );
}
