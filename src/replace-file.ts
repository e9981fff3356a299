/** Replaces a file atomically: a reader sees the old or the new one, even after a power failure. */

import { randomBytes } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { inFlight } from './in-flight.js';
import { checkIsFile } from './own-file.js';

/**
 * Writes `text` to a temporary file beside `file`, makes it durable and renames it. Rejects with the
 * system's error and leaves nothing behind; also rejects with NOT_A_FILE.
 */
export function replaceFile(file: string, text: string, mode = 0o600): Promise<void> {
  return inFlight(file, () => replace(file, text, mode));
}

async function replace(file: string, text: string, mode: number): Promise<void> {
  await checkIsFile(file);
  const temporary = `${file}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    // A new name and O_EXCL, so that nobody can have placed a link there in a directory that others
    // can write to.
    const handle = await open(temporary, 'wx', mode);
    try {
      // Regardless of the umask: the file's readers are part of its purpose.
      await handle.chmod(mode);
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => null);
    throw error;
  }
  const directory = await open(path.dirname(file), 'r');
  await directory.sync().finally(() => directory.close());
}
