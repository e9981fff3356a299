/** Replaces a file whole: whoever reads it sees the old or the new one, also after a power failure. */

import { randomBytes } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { inFlight } from './in-flight.js';
import { checkIsFile } from './own-file.js';

/**
 * Writes `text` beside `file`, makes it durable and renames it over. Rejects with the system's error,
 * which leaves nothing behind, and with NOT_A_FILE.
 */
export function replaceFile(file: string, text: string, mode = 0o600): Promise<void> {
  return inFlight(file, () => replace(file, text, mode));
}

async function replace(file: string, text: string, mode: number): Promise<void> {
  await checkIsFile(file);
  const temporary = `${file}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    // A new name and a new file: in a directory that others write to, nobody can have put a link there.
    const handle = await open(temporary, 'wx', mode);
    try {
      // Whatever the umask says: who may read it is part of what the file is for.
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
