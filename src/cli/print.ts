/** Writes output of any length without holding it in memory. */

import { once } from 'node:events';
import { constants } from 'node:fs';
import { access, open, stat } from 'node:fs/promises';
import path from 'node:path';
import { checkIsFile, openFile } from '../own-file.js';
import { withVolumeErrors } from '../volume/errors.js';
import { usage } from './values.js';

/**
 * Writes the pieces in order, waiting where the reader is slow. A reader that went away, or a disk that is
 * full, ends it; true if everything was written.
 */
export async function print(
  stream: NodeJS.WritableStream,
  pieces: Iterable<string>,
): Promise<boolean> {
  const gone = new AbortController();
  const onError = () => {
    gone.abort();
  };
  if (!stream.writable) return false;
  stream.once('error', onError);
  try {
    for (const piece of pieces) {
      if (gone.signal.aborted) return false;
      if (!stream.write(piece)) await once(stream, 'drain', { signal: gone.signal });
    }
    const isWritten = await new Promise<boolean>((resolve) =>
      stream.write('', (error) => {
        resolve(error === undefined || error === null);
      }),
    );
    return isWritten && !gone.signal.aborted;
  } catch (error) {
    if (!gone.signal.aborted) throw error;
    return false;
  } finally {
    stream.removeListener('error', onError);
  }
}

/**
 * Rejects with a usage error if `file` is anything that must not be written anew: no file, or a file that
 *  does not begin like those written here. A slip of the pen must not cost an image.
 */
export async function checkOverwritable(file: string, beginning: string): Promise<void> {
  await checkIsFile(file);
  const found = await stat(file).catch(() => null);
  const start = Buffer.alloc(beginning.length);
  if (found !== null && found.size > 0) {
    await withVolumeErrors(file, async () => {
      await using handle = await open(file, 'r');
      await handle.read(start, 0, start.length, 0);
    });
    if (start.toString('latin1') === beginning) return;
    throw usage(`${file} exists and does not begin with "${beginning}"; it is not overwritten`);
  }
  const directory = path.dirname(path.resolve(file));
  if (found === null) await withVolumeErrors(file, () => access(directory, constants.W_OK));
}

/** Writes a file anew. Rejects with a FastsyncError that names it. */
export async function writePieces(file: string, pieces: Iterable<string>): Promise<void> {
  await withVolumeErrors(file, async () => {
    const handle = await openFile(file, constants.O_WRONLY | constants.O_CREAT, 0o666);
    try {
      await handle.truncate(0);
      for (const piece of pieces) await handle.write(piece);
      await handle.sync();
    } finally {
      await handle.close();
    }
  });
}
