/** Makes directories for our own state. */

import { mkdir } from 'node:fs/promises';
import path from 'node:path';

/**
 * Makes a directory and what is missing above it, for the owner alone. Not mkdir's `recursive`: Node
 * never returns from that below /proc, where making a directory says "no such file".
 */
export async function makeDirectory(directory: string): Promise<void> {
  try {
    await mkdir(directory, { mode: 0o700 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return;
    const parent = path.dirname(directory);
    if (code !== 'ENOENT' || parent === directory) throw error;
    await makeDirectory(parent);
    await mkdir(directory, { mode: 0o700 });
  }
}
