/** Turns progress counters into status events with the rate of the last seconds and the remaining time. */

import type { StatusEvent } from './events.js';

const windowMs = 10_000;

/** Uses the samples of the last ten seconds, so that the rate reflects the present speed. */
export class Meter {
  readonly #samples: { atMs: number; bytes: number }[] = [];

  /** Adds a reading of `completedBytes` taken at `atMs` (any monotonic clock). */
  sample(
    atMs: number,
    reading: Omit<StatusEvent, 'type' | 'bytesPerSecond' | 'etaSeconds'>,
  ): StatusEvent {
    this.#samples.push({ atMs, bytes: reading.completedBytes });
    while (this.#samples.length > 2 && atMs - (this.#samples[0]?.atMs ?? atMs) > windowMs) {
      this.#samples.shift();
    }
    const bytesPerSecond = this.#rate();
    const leftBytes = Math.max(0, reading.totalBytes - reading.completedBytes);
    const etaSeconds = bytesPerSecond ? leftBytes / bytesPerSecond : null;
    return { type: 'status', ...reading, bytesPerSecond, etaSeconds };
  }

  #rate(): number | null {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (first === undefined || last === undefined || last.atMs - first.atMs < 200) return null;
    return ((last.bytes - first.bytes) * 1000) / (last.atMs - first.atMs);
  }
}
