/** XXH64 of a volume's cells without native code: plain reads, and xxHash compiled to WebAssembly. */

import { setTimeout as sleep } from 'node:timers/promises';
import {
  type DigestResult,
  EngineError,
  type IoOptions,
  type Job,
  noProgress,
} from '../engine/index.js';
import { FastsyncError } from '../errors.js';
import { ExtentBuilder, type ExtentList, totalBytes } from '../region/index.js';
import { systemErrorName } from '../system-errors.js';
import type { Volume } from '../volume/index.js';
import { coveredCells } from './cells.js';
import { runningXxh64 } from './hashes.js';

const readBytes = 1024 * 1024;
/** How much is left unread around a bad sector. */
const pageBytes = 4096;
const badSector = ['EIO', 'ENODATA', 'EILSEQ', 'ETIMEDOUT', 'EREMOTEIO'];

/** Does the same as the native job, one read at a time. */
export function digestPortably(
  volume: Volume,
  extents: ExtentList,
  cellBytes: number,
  ioOptions: IoOptions,
): Job<DigestResult> {
  const work = new PortableDigest(volume, extents, cellBytes, ioOptions.bytesPerSecond ?? 0);
  return {
    progress: () => work.progress(),
    cancel: () => {
      work.cancel();
    },
    done: work.run(),
  };
}

class PortableDigest {
  #cancelled = false;
  readonly #volume: Volume;
  readonly #extents: ExtentList;
  readonly #cellBytes: number;
  readonly #bytesPerSecond: number;
  readonly #total: number;
  readonly #startedMs = performance.now();
  readonly #unreadable = new ExtentBuilder();
  #completed = 0;
  #bad = 0;
  /** Pages before this byte are read one by one, because a larger read failed. */
  #pagesUntil = 0;

  constructor(volume: Volume, extents: ExtentList, cellBytes: number, bytesPerSecond: number) {
    this.#volume = volume;
    this.#extents = extents;
    this.#cellBytes = cellBytes;
    this.#bytesPerSecond = bytesPerSecond;
    this.#total = totalBytes(extents);
  }

  progress() {
    return {
      ...noProgress,
      totalBytes: this.#total,
      completedBytes: this.#completed,
      durableBytes: this.#completed,
      readBytes: this.#completed - this.#bad,
      badBytes: this.#bad,
    };
  }

  async run(): Promise<DigestResult> {
    const cells: number[] = [];
    const digests: Uint8Array[] = [];
    for (const { cell, coverage } of coveredCells(this.#extents, this.#cellBytes)) {
      const digest = await this.#digest(coverage);
      if (this.#isCancelled()) break;
      if (digest === null) continue;
      cells.push(cell);
      digests.push(digest);
    }
    return {
      progress: this.progress(),
      backend: 'threads', // Node's own pool
      cancelled: this.#completed < this.#total,
      cells: Float64Array.from(cells),
      digests: Buffer.concat(digests),
      unreadableRanges: this.#unreadable.finish(),
    };
  }

  cancel(): void {
    this.#cancelled = true;
  }

  // A method, because the state changes during an await.
  #isCancelled(): boolean {
    return this.#cancelled;
  }

  /** Null where part of the cell could not be read. */
  async #digest(coverage: ExtentList): Promise<Uint8Array | null> {
    const running = runningXxh64();
    const badBefore = this.#bad;
    for (let i = 0; i < coverage.length; i += 2) {
      const end = (coverage[i] as number) + (coverage[i + 1] as number);
      for (let at = coverage[i] as number; at < end && !this.#isCancelled();) {
        await this.#pace();
        const bytes = await this.#read(at, Math.min(readBytes, end - at));
        running.add(bytes);
        at += bytes.length;
        this.#completed += bytes.length;
      }
    }
    return this.#bad === badBefore ? running.end() : null;
  }

  async #pace(): Promise<void> {
    if (this.#bytesPerSecond === 0) return;
    const dueMs = this.#startedMs + (this.#completed / this.#bytesPerSecond) * 1000;
    while (performance.now() < dueMs && !this.#isCancelled()) {
      await sleep(Math.min(100, dueMs - performance.now()));
    }
  }

  /** Reads from `at`. A page that cannot be read is zeroes, and its cell has no digest. */
  async #read(at: number, lengthBytes: number): Promise<Uint8Array> {
    const toNextPage = pageBytes - (at % pageBytes);
    const wanted = at < this.#pagesUntil ? Math.min(lengthBytes, toNextPage) : lengthBytes;
    try {
      return await this.#volume.reader.read(at, wanted);
    } catch (error) {
      if (!isUnreadable(error)) throw this.#failure(error, at, wanted);
    }
    if (wanted > toNextPage) {
      this.#pagesUntil = at + wanted;
      return this.#read(at, wanted);
    }
    this.#unreadable.add(at, at + wanted);
    this.#bad += wanted;
    return new Uint8Array(wanted);
  }

  /** The error as the native engine would report it. */
  #failure(error: unknown, offsetBytes: number, lengthBytes: number): unknown {
    const errno = causeOf(error)?.errno;
    if (errno === undefined) return error;
    const failure = { errno: -errno, syscall: 'read', offsetBytes, lengthBytes };
    return new EngineError({ ...failure, side: 'source' }, this.#volume.identity.path);
  }
}

function causeOf(error: unknown): NodeJS.ErrnoException | null {
  const cause = error instanceof FastsyncError ? error.cause : null;
  return cause instanceof Error ? cause : null;
}

/** A bad sector, or a file that ends before its size, which the native engine calls unreadable too. */
function isUnreadable(error: unknown): boolean {
  if (!(error instanceof FastsyncError)) return false;
  return (
    error.code === 'VOLUME_SHRANK' || badSector.includes(systemErrorName(causeOf(error)) ?? '')
  );
}
