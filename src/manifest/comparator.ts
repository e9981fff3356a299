/**
 * Compares a volume with a manifest. The comparator has the interface of an engine job, so that verifying
 * is written once.
 */

import {
  type CompareResult,
  type DigestResult,
  type IoOptions,
  type Job,
  noProgress,
  type Progress,
} from '../engine/index.js';
import {
  clip,
  ExtentBuilder,
  type ExtentList,
  intersect,
  subtract,
  totalBytes,
} from '../region/index.js';
import type { HostVolume } from '../volume/index.js';
import { coveredCells, leafBatches, requireCanonical } from './cells.js';
import { type Digester, digesterOf, type EngineChoice } from './digester.js';
import { unsuitable } from './error.js';
import { fanOut } from './format.js';
import type { ManifestCell } from './leaf.js';
import type { Manifest } from './manifest.js';
import { addProgress } from './progress.js';

/**
 * The comparator of a volume with a manifest. The portable engine reads without native code and knows
 * XXH64 only: throws FastsyncError where the manifest has another algorithm.
 */
export function comparatorOf(
  manifest: Manifest,
  volume: HostVolume,
  engine: EngineChoice,
): ManifestComparator {
  const { algorithm } = manifest.header;
  if (engine === 'portable' && algorithm !== 'xxh64') {
    throw unsuitable(
      'ALGORITHM_NOT_PORTABLE',
      `${manifest.file} uses ${algorithm}, but the portable engine supports only xxh64`,
      'use --engine native, or write the manifest with --algorithm xxh64',
    );
  }
  return new ManifestComparator(manifest, volume, digesterOf(engine, volume, manifest.header));
}

export class ManifestComparator {
  /** A list may be split anywhere; where it is split at multiples of this, nothing is read twice. */
  readonly cutBytes: number;
  readonly #manifest: Manifest;
  readonly #volumeBytes: number;
  readonly #digest: Digester;

  /** Use {@link comparatorOf}. */
  constructor(manifest: Manifest, volume: HostVolume, digest: Digester) {
    this.cutBytes = manifest.header.cellBytes;
    this.#manifest = manifest;
    this.#volumeBytes = volume.identity.sizeBytes;
    this.#digest = digest;
  }

  /**
   * Compares `extents` of the volume: canonical, and covered by the manifest, or `done` rejects with
   * RangeError. Cells are read whole, as far as they are covered, and reported as far as was asked: as
   * different; as unreadable where they cannot be read now, or could not when the manifest was written.
   * What lies behind the volume's end is different. `done` rejects with EngineError and ManifestError.
   */
  compare(extents: ExtentList, ioOptions: IoOptions = {}): Job<CompareResult> {
    const comparison = new Comparison(this.#manifest, this.#volumeBytes, this.#digest, ioOptions);
    return {
      progress: () => comparison.progress(),
      cancel: () => {
        comparison.cancel();
      },
      done: comparison.run(extents),
    };
  }
}

class Comparison {
  readonly #manifest: Manifest;
  readonly #volumeBytes: number;
  readonly #digest: Digester;
  readonly #ioOptions: IoOptions;
  readonly #different = new ExtentBuilder();
  readonly #unreadable = new ExtentBuilder();
  #done: Progress = noProgress;
  #job: Job<DigestResult> | null = null;
  #cancelled = false;
  /** Every cell before this byte of the volume was compared. */
  #comparedEndBytes = 0;
  #backend: 'uring' | 'threads' = 'threads';

  constructor(manifest: Manifest, volumeBytes: number, digest: Digester, ioOptions: IoOptions) {
    this.#manifest = manifest;
    this.#volumeBytes = volumeBytes;
    this.#digest = digest;
    this.#ioOptions = ioOptions;
  }

  progress(): Progress {
    if (this.#job === null) return this.#done;
    const sum = addProgress(this.#done, this.#job.progress());
    // What a job has read is compared only when the job has ended.
    return { ...sum, durableBytes: this.#done.durableBytes, badBytes: this.#done.badBytes };
  }

  cancel(): void {
    this.#cancelled = true;
    this.#job?.cancel();
  }

  async run(asked: ExtentList): Promise<CompareResult> {
    requireCanonical(asked, this.#manifest.header.deviceBytes);
    const extents = await this.#manifest.cellAligned(asked);
    if (subtract(asked, extents).length > 0) {
      throw new RangeError('Expected extents that the manifest covers, got others');
    }
    this.#done = { ...noProgress, totalBytes: totalBytes(extents) };
    const [within, beyond] = this.#cutAtEnd(extents);
    for (const batch of leafBatches(within, this.#manifest.header.cellBytes)) {
      if (this.#cancelled) break;
      await this.#compareBatch(batch);
    }
    if (!this.#cancelled) this.#missing(beyond);
    const cancelled = this.#done.durableBytes < this.#done.totalBytes;
    // Whole cells were read; the caller resumes at a position in the list that it asked for.
    const durableBytes = totalBytes(clip(asked, 0, this.#comparedEndBytes));
    return {
      progress: cancelled ? { ...this.#done, durableBytes } : this.#done,
      backend: this.#backend,
      cancelled,
      differentRanges: intersect(this.#different.finish(), asked),
      unreadableRanges: intersect(this.#unreadable.finish(), asked),
    };
  }

  /** The cells within the volume's size, and those behind its end. */
  #cutAtEnd(extents: ExtentList): [within: ExtentList, beyond: ExtentList] {
    const { cellBytes, deviceBytes } = this.#manifest.header;
    const end = (extents.at(-2) ?? 0) + (extents.at(-1) ?? 0);
    if (end <= this.#volumeBytes) return [extents, clip(extents, 0, 0)];
    let cut = Math.floor(this.#volumeBytes / cellBytes) * cellBytes;
    const last = clip(extents, cut, cellBytes);
    if ((last.at(-2) ?? 0) + (last.at(-1) ?? 0) <= this.#volumeBytes) cut += cellBytes;
    return [clip(extents, 0, cut), clip(extents, cut, Math.max(deviceBytes, end) - cut)];
  }

  async #compareBatch(batch: ExtentList): Promise<void> {
    const job = this.#digest(batch, this.#ioOptions);
    this.#job = job;
    const result = await job.done;
    this.#job = null;
    this.#backend = result.backend;
    const { completedBytes, readBytes } = result.progress;
    this.#done = {
      ...this.#done,
      completedBytes: this.#done.completedBytes + completedBytes,
      readBytes: this.#done.readBytes + readBytes,
    };
    await this.#comparator(batch, result);
  }

  /** Compares the cells of a batch: as listed, as the manifest has them, as they were read. */
  async #comparator(batch: ExtentList, { cells, digests, cancelled }: DigestResult): Promise<void> {
    const { cellBytes } = this.#manifest.header;
    const first = Math.floor((batch[0] as number) / cellBytes / fanOut);
    const end = (batch.at(-2) as number) + (batch.at(-1) as number);
    const known = this.#manifest.tree.leaves(first, Math.ceil(end / cellBytes / fanOut) - 1);
    const width = cells.length === 0 ? 0 : digests.length / cells.length;
    // A job that was stopped did not read what lies behind its last cell.
    const lastCell = cancelled ? (cells.at(-1) ?? -1) : Infinity;
    let leaf: readonly ManifestCell[] = [];
    let at = 0;
    let next = 0;
    for (const { cell, coverage } of coveredCells(batch, cellBytes)) {
      if (cell > lastCell) return;
      while ((leaf[at]?.cell ?? -1) < cell) {
        at++;
        if (at < leaf.length) continue;
        const following = await known.next();
        if (following.done === true) throw notOfThisManifest(cell);
        leaf = following.value.cells;
        at = 0;
      }
      const expected = leaf[at];
      if (expected?.cell !== cell) throw notOfThisManifest(cell);
      const isRead = cells[next] === cell;
      const found = isRead ? digests.subarray(next * width, (next + 1) * width) : null;
      if (isRead) next++;
      this.#count(coverage, expected.digest, found);
    }
  }

  #count(coverage: ExtentList, expected: Uint8Array | null, found: Uint8Array | null): void {
    const bytes = totalBytes(coverage);
    this.#comparedEndBytes = (coverage.at(-2) ?? 0) + (coverage.at(-1) ?? 0);
    const counters = { ...this.#done, durableBytes: this.#done.durableBytes + bytes };
    if (expected === null || found === null) {
      counters.badBytes += bytes;
      addAll(this.#unreadable, coverage);
    } else if (Buffer.from(expected).equals(found)) {
      counters.identicalBytes += bytes;
    } else {
      counters.differentBytes += bytes;
      addAll(this.#different, coverage);
    }
    this.#done = counters;
  }

  #missing(beyond: ExtentList): void {
    const bytes = totalBytes(beyond);
    const { completedBytes, durableBytes, differentBytes } = this.#done;
    addAll(this.#different, beyond);
    this.#done = {
      ...this.#done,
      completedBytes: completedBytes + bytes,
      durableBytes: durableBytes + bytes,
      differentBytes: differentBytes + bytes,
    };
  }
}

function addAll(builder: ExtentBuilder, extents: ExtentList): void {
  for (let i = 0; i < extents.length; i += 2) {
    const start = extents[i] as number;
    builder.add(start, start + (extents[i + 1] as number));
  }
}

function notOfThisManifest(cell: number): Error {
  return new Error(`cell ${cell} was in the manifest when it was opened, and is not there now`);
}
