/** Reads many small pieces of the device in few large reads. */

import type { ByteReader } from '../reader.js';

/** Pieces closer than this are read together: skipping costs more than reading on. */
const gapBytes = 64 << 10;
/** No single read is larger, so that a run's memory stays small. */
const maxRunBytes = 4 << 20;
/** Runs read at the same time: keeps a fast device busy at little memory. */
const runsInFlight = 4;

interface Run {
  readonly startBytes: number;
  endBytes: number;
  readonly pieces: number[];
}

/**
 * Reads `lengthBytes` bytes at each of the offsets, in any order; neighbours share a read. The
 * results come in the offsets' order and are copies, so that keeping one keeps no run alive.
 * Every piece must lie on the device.
 */
export async function readPieces(
  reader: ByteReader,
  offsets: readonly number[],
  lengthBytes: number,
): Promise<Uint8Array[]> {
  const pieces = new Array<Uint8Array>(offsets.length);
  const runs = planRuns(offsets, lengthBytes);
  for (let first = 0; first < runs.length; first += runsInFlight) {
    await Promise.all(
      runs.slice(first, first + runsInFlight).map(async (run) => {
        const bytes = await reader.read(run.startBytes, run.endBytes - run.startBytes);
        for (const index of run.pieces) {
          const at = (offsets[index] ?? 0) - run.startBytes;
          pieces[index] = run.pieces.length === 1 ? bytes : bytes.slice(at, at + lengthBytes);
        }
      }),
    );
  }
  return pieces;
}

function planRuns(offsets: readonly number[], lengthBytes: number): Run[] {
  const order = offsets.map((_, index) => index);
  order.sort((a, b) => (offsets[a] ?? 0) - (offsets[b] ?? 0));
  const runs: Run[] = [];
  for (const index of order) {
    const startBytes = offsets[index] ?? 0;
    const endBytes = startBytes + lengthBytes;
    const run = runs.at(-1);
    if (
      run !== undefined &&
      startBytes - run.endBytes <= gapBytes &&
      endBytes - run.startBytes <= maxRunBytes
    ) {
      run.endBytes = Math.max(run.endBytes, endBytes);
      run.pieces.push(index);
    } else {
      runs.push({ startBytes, endBytes, pieces: [index] });
    }
  }
  return runs;
}
