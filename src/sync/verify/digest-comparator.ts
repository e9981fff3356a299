/**
 * Compares two volumes on different hosts by digests, each computed by the host that owns the volume. 24
 * bytes per MiB cross the network; only cells that differ are requested again, in finer cells.
 */

import {
  type CompareResult,
  type DigestAlgorithm,
  type IoOptions,
  type Job,
  noProgress,
  type Progress,
} from '../../engine/index.js';
import {
  clip,
  ExtentBuilder,
  type ExtentList,
  intersect,
  subtract,
  totalBytes,
  union,
} from '../../region/index.js';
import type { Volume } from '../../volume/index.js';
import type { Comparator } from './comparator.js';

/** The limits of one request: what the protocol carries in one message, see protocol/messages.ts. */
const mostExtents = 16_384;
const mostCells = 32_768;

/** The cell size of the first requests, and of those for cells that differ. */
const coarseBytes = 1024 * 1024;
const fineBytes = 512;

/** `left` and `right` may be on other hosts. Differences are reported in sectors. */
export function digestComparator(
  left: Volume,
  right: Volume,
  algorithm: DigestAlgorithm,
): Comparator {
  return {
    cutBytes: fineBytes,
    compare: (extents, ioOptions) => {
      const comparison = new Comparison([left, right], algorithm, ioOptions);
      return {
        progress: () => comparison.progress(),
        cancel: () => {
          comparison.cancel();
        },
        done: comparison.run(extents),
      };
    },
  };
}

type Jobs = readonly [Job<DigestOf>, Job<DigestOf>];
type DigestOf = Awaited<ReturnType<Volume['digestCells']>['done']>;

interface Found {
  /** The requested ranges that differ, in whole cells. */
  readonly different: ExtentList;
  /** Cells that one of the sides could not read completely. */
  readonly unread: ExtentList;
  readonly cancelled: boolean;
}

class Comparison {
  readonly #sides: readonly [Volume, Volume];
  readonly #algorithm: DigestAlgorithm;
  readonly #ioOptions: IoOptions;
  readonly #different = new ExtentBuilder();
  readonly #unreadable = new ExtentBuilder();
  #jobs: Jobs | null = null;
  #isCancelled = false;
  #done: Progress = noProgress;
  #backend: 'uring' | 'threads' = 'threads';

  constructor(sides: readonly [Volume, Volume], algorithm: DigestAlgorithm, ioOptions: IoOptions) {
    this.#sides = sides;
    this.#algorithm = algorithm;
    this.#ioOptions = ioOptions;
  }

  /** The progress of the slower side: what it has not digested is not compared. */
  progress(): Progress {
    if (this.#jobs === null) return this.#done;
    const [one, other] = this.#jobs.map((job) => job.progress()) as [Progress, Progress];
    const slower = one.completedBytes <= other.completedBytes ? one : other;
    return {
      ...this.#done,
      completedBytes: this.#done.completedBytes + slower.completedBytes,
      readBytes: this.#done.readBytes + one.readBytes + other.readBytes,
    };
  }

  cancel(): void {
    this.#isCancelled = true;
    for (const job of this.#jobs ?? []) job.cancel();
  }

  async run(extents: ExtentList): Promise<CompareResult> {
    this.#done = { ...noProgress, totalBytes: totalBytes(extents) };
    for (const batch of batchesOf(extents, coarseBytes)) {
      if (this.#isCancelled || !(await this.#compareBatch(batch))) break;
    }
    const cancelled = this.#done.durableBytes < this.#done.totalBytes;
    return {
      progress: this.#done,
      backend: this.#backend,
      cancelled,
      differentRanges: this.#different.finish(),
      unreadableRanges: this.#unreadable.finish(),
    };
  }

  /** False if it was stopped before the batch was complete; the batch does not count then. */
  async #compareBatch(batch: ExtentList): Promise<boolean> {
    const coarse = await this.#ask(batch, coarseBytes);
    if (coarse.cancelled) return false;
    const suspects = union(coarse.different, coarse.unread);
    const different = new ExtentBuilder();
    const unreadable = new ExtentBuilder();
    for (const part of batchesOf(suspects, fineBytes)) {
      const fine = await this.#ask(part, fineBytes);
      if (fine.cancelled) return false;
      addAll(different, fine.different);
      addAll(unreadable, fine.unread);
    }
    const [differing, unread] = [different.finish(), unreadable.finish()];
    addAll(this.#different, differing);
    addAll(this.#unreadable, unread);
    const bytes = totalBytes(batch);
    const [differentBytes, badBytes] = [totalBytes(differing), totalBytes(unread)];
    this.#done = {
      ...this.#done,
      completedBytes: this.#done.completedBytes + bytes,
      durableBytes: this.#done.durableBytes + bytes,
      readBytes: this.#done.readBytes + 2 * bytes,
      identicalBytes: this.#done.identicalBytes + bytes - differentBytes - badBytes,
      differentBytes: this.#done.differentBytes + differentBytes,
      badBytes: this.#done.badBytes + badBytes,
    };
    return true;
  }

  /** Requests digests from both sides at once. */
  async #ask(extents: ExtentList, cellBytes: number): Promise<Found> {
    const question = { ...this.#ioOptions, extents, cellBytes, algorithm: this.#algorithm };
    const jobs = this.#sides.map((side) => side.digestCells(question)) as unknown as Jobs;
    this.#jobs = jobs;
    // The comparison may have been cancelled before the jobs existed.
    if (this.#isCancelled) this.cancel();
    try {
      const [left, right] = await bothOf(jobs);
      this.#backend = left.backend;
      const cancelled = left.cancelled || right.cancelled;
      return cancelled
        ? { different: extents, unread: extents, cancelled }
        : { ...differing(extents, cellBytes, left, right), cancelled };
    } finally {
      this.#jobs = null;
    }
  }
}

/** Waits for both results; where one job fails, stops the other and waits for it. */
async function bothOf(jobs: Jobs): Promise<[DigestOf, DigestOf]> {
  try {
    return await Promise.all([jobs[0].done, jobs[1].done]);
  } catch (error) {
    for (const job of jobs) job.cancel();
    await Promise.allSettled(jobs.map((job) => job.done));
    throw error;
  }
}

/** The parts of the extents in cells whose digests differ, and in cells without a digest. */
function differing(
  extents: ExtentList,
  cellBytes: number,
  left: DigestOf,
  right: DigestOf,
): Pick<Found, 'different' | 'unread'> {
  const different = new ExtentBuilder();
  const compared = new ExtentBuilder();
  const width = left.cells.length === 0 ? 0 : left.digests.length / left.cells.length;
  let at = 0;
  for (const [index, cell] of left.cells.entries()) {
    while (at < right.cells.length && (right.cells[at] as number) < cell) at++;
    if (right.cells[at] !== cell) continue;
    const start = cell * cellBytes;
    compared.add(start, start + cellBytes);
    const one = left.digests.subarray(index * width, (index + 1) * width);
    const other = right.digests.subarray(at * width, (at + 1) * width);
    if (Buffer.compare(one, other) !== 0) different.add(start, start + cellBytes);
  }
  return {
    different: intersect(extents, different.finish()),
    unread: subtract(extents, compared.finish()),
  };
}

/** Splits the list, at cell boundaries, into parts that fit one request. */
function* batchesOf(extents: ExtentList, cellBytes: number): Generator<ExtentList> {
  const end = (extents.at(-2) ?? 0) + (extents.at(-1) ?? 0);
  for (let from = 0; from < end;) {
    const to = batchEnd(extents, from, cellBytes);
    const part = clip(extents, from, to - from);
    if (part.length > 0) yield part;
    from = to;
  }
}

/** The end of a batch that begins at `from`: the end of a cell, or of the list. */
function batchEnd(extents: ExtentList, from: number, cellBytes: number): number {
  let cells = 0;
  let count = 0;
  for (let index = 0; index < extents.length; index += 2) {
    const end = (extents[index] as number) + (extents[index + 1] as number);
    if (end <= from) continue;
    const start = Math.max(extents[index] as number, from);
    const first = Math.floor(start / cellBytes);
    const more = Math.ceil(end / cellBytes) - first;
    if (cells + more > mostCells) return (first + mostCells - cells) * cellBytes;
    cells += more;
    // A cell must not be split between two requests.
    if (++count >= mostExtents) return Math.ceil(end / cellBytes) * cellBytes;
  }
  return (extents.at(-2) ?? 0) + (extents.at(-1) ?? 0);
}

function addAll(builder: ExtentBuilder, extents: ExtentList): void {
  for (let index = 0; index < extents.length; index += 2) {
    const start = extents[index] as number;
    builder.add(start, start + (extents[index + 1] as number));
  }
}
