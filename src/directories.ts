/** Creates directories for fastsync's own state. */

import { mkdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { reach } from './reach.js';

/**
 * Creates a directory and its missing parents, accessible only to the owner. It does not use mkdir's
 * `recursive`, which never returns below /proc, where creating a directory fails with "no such file".
 * Rejects with NOT_ANSWERING, and with the system's error.
 */
export async function makeDirectory(directory: string): Promise<void> {
  await reach(directory);
  await make(directory);
}

async function make(directory: string): Promise<void> {
  try {
    await mkdir(directory, { mode: 0o700 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') {
      if ((await stat(directory)).isDirectory()) return;
      const wrong = new Error(`${directory} is not a directory`);
      throw Object.assign(wrong, { code: 'ENOTDIR', syscall: 'mkdir', path: directory });
    }
    const parent = path.dirname(directory);
    if (code !== 'ENOENT' || parent === directory) throw error;
    await make(parent);
    await mkdir(directory, { mode: 0o700 });
  }
}
