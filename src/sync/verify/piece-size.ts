/** How much is compared between two saves of the state: adapted to the speed of the comparison. */

import type { IoOptions } from '../../engine/index.js';

/** Long enough that starting a job does not matter, short enough that an interruption loses little. */
const pieceSeconds = 4;
const leastPieceBytes = 4 * 1024 * 1024;
export const firstPieceBytes = 64 * 1024 * 1024;
const mostPieceBytes = 64 * 1024 * 1024 * 1024;

export class PieceSize {
  #bytes: number;

  constructor({ bytesPerSecond = 0 }: Pick<IoOptions, 'bytesPerSecond'>) {
    const limitBytes = bytesPerSecond === 0 ? Infinity : bytesPerSecond * pieceSeconds;
    this.#bytes = Math.min(firstPieceBytes, Math.max(leastPieceBytes, limitBytes));
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Adapts to a comparison of `bytes` that took `seconds`. */
  adapt(bytes: number, seconds: number): void {
    if (seconds <= 0 || bytes === 0) return;
    const wanted = Math.round((bytes / seconds) * pieceSeconds);
    const most = Math.min(mostPieceBytes, 8 * this.#bytes);
    this.#bytes = Math.min(most, Math.max(leastPieceBytes, wanted));
  }
}
