/** Writes output of any length without holding it in memory. */

import { once } from 'node:events';
import { open } from 'node:fs/promises';
import { withVolumeErrors } from '../volume/index.js';

/** Writes the pieces in order, waiting where the reader is slow. A reader that went away ends it quietly. */
export async function print(
  stream: NodeJS.WritableStream,
  pieces: Iterable<string>,
): Promise<void> {
  const gone = new AbortController();
  const onError = (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    gone.abort();
  };
  stream.once('error', onError);
  try {
    for (const piece of pieces) {
      if (gone.signal.aborted) return;
      if (!stream.write(piece)) await once(stream, 'drain', { signal: gone.signal });
    }
  } catch (error) {
    if (!gone.signal.aborted) throw error;
  } finally {
    stream.removeListener('error', onError);
  }
}

/** Writes a file anew. Rejects with a FastsyncError that names it. */
export async function writePieces(file: string, pieces: Iterable<string>): Promise<void> {
  await withVolumeErrors(file, async () => {
    const handle = await open(file, 'w');
    try {
      for (const piece of pieces) await handle.write(piece);
      await handle.sync();
    } finally {
      await handle.close();
    }
  });
}
