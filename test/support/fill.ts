/** Leaves no room on a file system. */

import { open } from 'node:fs/promises';
import path from 'node:path';

/** Writes to a file system until it takes no more; `rm` of the file makes room again. */
export async function fill(directory: string): Promise<string> {
  const file = path.join(directory, 'all-the-rest');
  await using handle = await open(file, 'w');
  for (const bytes of [2 ** 20, 4096]) {
    const isWritten = () =>
      handle.write(Buffer.alloc(bytes)).then(
        ({ bytesWritten }) => bytesWritten > 0,
        () => false,
      );
    while (await isWritten());
  }
  return file;
}
