/**
 * Reads what is dirty into memory while programs still write, so that only the latest writes are left to
 * read when they have to wait. The tracker's promise makes it right: what is read after a drain is either
 * what was written before it, or is dirty again with a later one.
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
  /** Read as if it were dirty. */
  readonly always: ExtentList;
}

/** After a round as short as this another one would not be shorter. */
const shortMs = 20;
const mostRounds = 12;
/** Rounds no longer help when one takes more than this share of the time of the one before it. */
const shrinkShare = 0.9;
/** During the freeze call rounds take about so long: when that call returns, writers wait for the last one. */
const besideMs = 25;
/** Of what is pending; above that, neighbours are joined. */
const mostExtents = 1 << 22;
/** So much says how fast reading is. */
const tellingBytes = 1024 * 1024;
const pageBytes = 4096;
/** Between rounds that may find nothing to do. */
const pauseMs = 2;

/** One filling of the memory. It forgets what that held before, and leaves the dirty set as it is. */
export class PreCopy {
  readonly #source: PreCopySource;
  readonly #options: Omit<FillOptions, 'signal'>;
  /** Dirty since it was read, or never read. */
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

  /** What lies in memory. */
  get held(): ExtentList {
    return this.#held;
  }

  /** With rescue: what of it could not be read. */
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

  /** Whether memory has room for all that is pending, beside what it holds. */
  async fits(): Promise<boolean> {
    // By what was free before the first reading: what is held must not count twice.
    this.#roomBytes ??= await this.#source.buffer.capacityBytes();
    return totalBytes(union(this.#pending, this.#held)) <= this.#roomBytes;
  }

  /**
   * Reads what is pending, or so many bytes of it. Rejects as CutoverBuffer.fill() does. If `signal`
   * fires, the memory is worth nothing.
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

  /** Round after round, until one is short or they no longer get shorter. Rejects as drain() and read() do. */
  async approach(signal: AbortSignal): Promise<void> {
    let lastMs = Infinity;
    for (let round = 0; round < mostRounds; round++) {
      const tookMs = await this.#round(signal);
      if (tookMs <= shortMs || tookMs > lastMs * shrinkShare) return;
      lastMs = tookMs;
    }
  }

  /** One short round after the other until `enough` fires, one at least. Rejects as drain() and read() do. */
  async keepUp(enough: AbortSignal, signal: AbortSignal): Promise<void> {
    do {
      await this.#round(signal, besideMs);
      await sleep(pauseMs);
    } while (!enough.aborted && !signal.aborted);
  }

  /** Resolves with the milliseconds that it took. What would take longer than `mostMs` is left for the next one. */
  async #round(signal: AbortSignal, mostMs = Infinity): Promise<number> {
    const startedMs = performance.now();
    await this.drain();
    const mostBytes = (this.#bytesPerSecond * mostMs) / 1000;
    if (await this.fits()) await this.read(signal, Math.max(tellingBytes, mostBytes));
    signal.throwIfAborted();
    return performance.now() - startedMs;
  }
}
