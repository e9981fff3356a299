/** XXH64 of a volume's cells without native code: plain reads, and xxHash compiled to WebAssembly. */

import type { FileHandle } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { nameOfDescriptor } from '../descriptors.js';
import { type DigestResult, EngineError, type IoOptions, type Job } from '../engine/index.js';
import { ExtentBuilder, type ExtentList, totalBytes } from '../region/index.js';
import { coveredCells } from './cells.js';
import { runningXxh64 } from './hashes.js';
import { noProgress } from './progress.js';

const readBytes = 1024 * 1024;
/** What is left unread around a bad sector. */
const pageBytes = 4096;
const badSector = ['EIO', 'ENODATA', 'EILSEQ', 'ETIMEDOUT', 'EREMOTEIO'];

/** As the native job of the same name does it, slower: one read at a time. */
export function digestPortably(
  handle: FileHandle,
  extents: ExtentList,
  cellBytes: number,
  ioOptions: IoOptions,
): Job<DigestResult> {
  const work = new PortableDigest(handle, extents, cellBytes, ioOptions.bytesPerSecond ?? 0);
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
  readonly #handle: FileHandle;
  readonly #extents: ExtentList;
  readonly #cellBytes: number;
  readonly #bytesPerSecond: number;
  readonly #total: number;
  readonly #startedMs = performance.now();
  readonly #buffer = Buffer.alloc(readBytes);
  readonly #unreadable = new ExtentBuilder();
  #completed = 0;
  #bad = 0;

  constructor(handle: FileHandle, extents: ExtentList, cellBytes: number, bytesPerSecond: number) {
    this.#handle = handle;
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

  // A method, because it changes while others are awaited.
  #isCancelled(): boolean {
    return this.#cancelled;
  }

  /** Null when something in it could not be read. */
  async #digest(coverage: ExtentList): Promise<Uint8Array | null> {
    const running = runningXxh64();
    const badBefore = this.#bad;
    for (let i = 0; i < coverage.length; i += 2) {
      const end = (coverage[i] as number) + (coverage[i + 1] as number);
      for (let at = coverage[i] as number; at < end && !this.#isCancelled();) {
        await this.#pace();
        const got = await this.#read(at, Math.min(readBytes, end - at));
        running.add(this.#buffer.subarray(0, got));
        at += got;
        this.#completed += got;
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

  /** Fills the buffer from `at`; bytes that came, or that were given up in a bad place. */
  async #read(at: number, lengthBytes: number): Promise<number> {
    try {
      const { bytesRead } = await this.#handle.read(this.#buffer, 0, lengthBytes, at);
      if (bytesRead > 0) return bytesRead;
      // The file ends before its size: as unreadable as a bad sector, which the native engine says too.
    } catch (error) {
      const { code, errno } = error as NodeJS.ErrnoException;
      if (code === undefined || errno === undefined) throw error;
      if (!badSector.includes(code)) {
        const place = { side: 'source', offsetBytes: at, lengthBytes } as const;
        const name = nameOfDescriptor(this.#handle.fd);
        throw new EngineError({ errno: -errno, syscall: 'read', ...place }, name);
      }
    }
    const piece = Math.min(lengthBytes, pageBytes - (at % pageBytes));
    if (piece < lengthBytes) return this.#read(at, piece);
    this.#unreadable.add(at, at + piece);
    this.#bad += piece;
    return piece;
  }
}
