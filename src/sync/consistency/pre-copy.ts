/**
 * Reads dirty ranges into memory while programs still write, so that only the latest writes are left to
 * read when they have to wait. The tracker guarantees correctness: what is read after a drain is either
 * what was written before it, or is dirty again in a later drain.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import type { EndpointDescription } from '../../engine/index.js';
import {
  bounded,
  emptyExtents,
  type ExtentList,
  subtract,
  totalBytes,
  union,
} from '../../region/index.js';
import { slice } from '../work-list.js';
import type { TrackedWrites } from './tracked-writes.js';
import type { FillOptions, CutoverBuffer } from './cutover-buffer.js';

export interface PreCopySource {
  readonly endpoint: EndpointDescription;
  readonly writes: TrackedWrites;
  readonly buffer: CutoverBuffer;
  /** Ranges to read even if they are not dirty. */
  readonly always: ExtentList;
}

/** After a round this short, the next one would not be shorter. */
const shortMs = 20;
const mostRounds = 12;
/** Rounds no longer help when one takes more than this share of the previous one's time. */
const shrinkShare = 0.9;
/**
 * The aimed length of a round during the freeze call: when that call returns, writers wait for the last
 * round.
 */
const besideMs = 25;
/** Limits the pending ranges; above it, close ones are joined. */
const mostExtents = 1 << 22;
/** Reading this much gives a usable measurement of the speed. */
const tellingBytes = 1024 * 1024;
const pageBytes = 4096;
/** Pause between rounds that may find nothing to do. */
const pauseMs = 2;

/** One filling of the buffer. It replaces the previous contents and does not change the dirty set. */
export class PreCopy {
  readonly #source: PreCopySource;
  readonly #options: Omit<FillOptions, 'signal'>;
  /** Ranges that were written after they were read, or never read. */
  #pending: ExtentList;
  #held = emptyExtents;
  #badRanges = emptyExtents;
  #isBegun = false;
  #bytesPerSecond = Infinity;
  #roomBytes: number | null = null;

  constructor(source: PreCopySource, options: Omit<FillOptions, 'signal'>) {
    this.#source = source;
    this.#options = options;
    this.#pending = union(source.writes.dirtySet.extents, source.always);
  }

  /** The ranges that the buffer holds. */
  get held(): ExtentList {
    return this.#held;
  }

  /** With --rescue: the held ranges that could not be read. */
  get badRanges(): ExtentList {
    return this.#badRanges;
  }

  get pendingBytes(): number {
    return totalBytes(this.#pending);
  }

  /** Rejects with MissedWrites. */
  async drain(): Promise<void> {
    const { dirty } = await this.#source.writes.drain();
    this.#pending = bounded(union(this.#pending, dirty), mostExtents);
  }

  /** Whether the buffer has room for all pending ranges beside what it holds. */
  async fits(): Promise<boolean> {
    // Measured before the first read, so that the held bytes do not count twice.
    this.#roomBytes ??= await this.#source.buffer.capacityBytes();
    return totalBytes(union(this.#pending, this.#held)) <= this.#roomBytes;
  }

  /**
   * Reads the pending ranges, or that many bytes of them. Rejects as CutoverBuffer.fill() does. If
   * `signal` fires, the buffer is unusable.
   */
  async read(signal: AbortSignal, mostBytes = Infinity): Promise<void> {
    const { endpoint, buffer } = this.#source;
    const isAll = this.pendingBytes <= mostBytes;
    const wholePagesBytes = Math.floor(mostBytes / pageBytes) * pageBytes;
    const extents = isAll ? this.#pending : slice(this.#pending, 0, wholePagesBytes);
    const options = { ...this.#options, signal };
    const startedMs = performance.now();
    const { badRanges } = this.#isBegun
      ? await buffer.add(endpoint, extents, options)
      : await buffer.fill(endpoint, extents, options);
    const bytes = totalBytes(extents);
    if (!this.#isBegun || bytes >= tellingBytes) {
      this.#bytesPerSecond = (bytes / (performance.now() - startedMs)) * 1000;
    }
    this.#isBegun = true;
    this.#pending = subtract(this.#pending, extents);
    this.#held = union(this.#held, extents);
    this.#badRanges = union(subtract(this.#badRanges, extents), badRanges);
  }

  /** Reads rounds until one is short or they stop getting shorter. Rejects as drain() and read() do. */
  async approach(signal: AbortSignal): Promise<void> {
    let lastMs = Infinity;
    for (let round = 0; round < mostRounds; round++) {
      const tookMs = await this.#round(signal);
      if (tookMs <= shortMs || tookMs > lastMs * shrinkShare) return;
      lastMs = tookMs;
    }
  }

  /** Reads short rounds until `enough` fires, at least one. Rejects as drain() and read() do. */
  async keepUp(enough: AbortSignal, signal: AbortSignal): Promise<void> {
    do {
      await this.#round(signal, besideMs);
      await sleep(pauseMs);
    } while (!enough.aborted && !signal.aborted);
  }

  /**
   * Resolves with the milliseconds it took. Ranges that would take longer than `mostMs` are left for the
   * next round.
   */
  async #round(signal: AbortSignal, mostMs = Infinity): Promise<number> {
    const startedMs = performance.now();
    await this.drain();
    const mostBytes = (this.#bytesPerSecond * mostMs) / 1000;
    if (await this.fits()) await this.read(signal, Math.max(tellingBytes, mostBytes));
    signal.throwIfAborted();
    return performance.now() - startedMs;
  }
}
