/** Reads many small pieces of metadata in few large reads with bounded memory. */

import type { ByteReader } from './reader.js';

export interface Piece {
  readonly offsetBytes: number;
  readonly lengthBytes: number;
}

export interface Gathered<P extends Piece> {
  readonly piece: P;
  /** The piece's bytes; a view into a larger read. */
  readonly bytes: Uint8Array;
}

/** The most memory in use at once; a larger piece is read alone. */
const batchBytes = 8 << 20;
/** Pieces this close are read together: reading the bytes between them costs less than another read. */
const gapBytes = 64 << 10;

interface Run<P extends Piece> {
  readonly start: number;
  end: number;
  readonly pieces: P[];
}

/**
 * Reads all `pieces`, which must lie on the device, and yields each with its bytes in order of offset.
 * Checks `signal` between reads. A bad sector between two pieces affects neither; one within a piece
 * rejects, or calls `onUnreadable` and continues with the rest.
 */
export async function* gather<P extends Piece>(
  reader: ByteReader,
  pieces: readonly P[],
  signal?: AbortSignal,
  onUnreadable?: (piece: P, error: unknown) => void,
): AsyncGenerator<Gathered<P>> {
  for (const batch of batches(runsOf(pieces))) {
    signal?.throwIfAborted();
    const reads = await Promise.all(batch.map((run) => readRun(reader, run)));
    for (const [index, run] of batch.entries()) {
      const bytes = reads[index] ?? null;
      if (bytes === null) {
        signal?.throwIfAborted();
        yield* oneByOne(reader, run.pieces, signal, onUnreadable);
        continue;
      }
      for (const piece of run.pieces) {
        const at = piece.offsetBytes - run.start;
        yield { piece, bytes: bytes.subarray(at, at + piece.lengthBytes) };
      }
    }
  }
}

/** Null where not all of it could be read. */
function readRun<P extends Piece>(
  reader: ByteReader,
  { start, end }: Run<P>,
): Promise<Uint8Array | null> {
  return reader.read(start, end - start).catch(() => null);
}

async function* oneByOne<P extends Piece>(
  reader: ByteReader,
  pieces: readonly P[],
  signal?: AbortSignal,
  onUnreadable?: (piece: P, error: unknown) => void,
): AsyncGenerator<Gathered<P>> {
  for (const piece of pieces) {
    let bytes: Uint8Array;
    try {
      bytes = await reader.read(piece.offsetBytes, piece.lengthBytes);
    } catch (error) {
      // A reader may reject because of the abort itself.
      signal?.throwIfAborted();
      if (onUnreadable === undefined) throw error;
      onUnreadable(piece, error);
      continue;
    }
    yield { piece, bytes };
  }
}

function* runsOf<P extends Piece>(pieces: readonly P[]): Generator<Run<P>> {
  const sorted = [...pieces].sort((a, b) => a.offsetBytes - b.offsetBytes);
  let run: Run<P> | undefined;
  for (const piece of sorted) {
    const end = piece.offsetBytes + piece.lengthBytes;
    if (
      run !== undefined &&
      piece.offsetBytes <= run.end + gapBytes &&
      end <= run.start + batchBytes
    ) {
      run.end = Math.max(run.end, end);
      run.pieces.push(piece);
      continue;
    }
    if (run !== undefined) yield run;
    run = { start: piece.offsetBytes, end, pieces: [piece] };
  }
  if (run !== undefined) yield run;
}

function* batches<P extends Piece>(runs: Iterable<Run<P>>): Generator<Run<P>[]> {
  let batch: Run<P>[] = [];
  let bytes = 0;
  for (const run of runs) {
    const length = run.end - run.start;
    if (batch.length > 0 && bytes + length > batchBytes) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(run);
    bytes += length;
  }
  if (batch.length > 0) yield batch;
}
