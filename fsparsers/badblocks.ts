/** What a file system lists as unreadable: said in one way, whichever it is. */

import type { MapNote } from './usedmap.js';

/** `list` is where it says so: "$BadClus", "the bad-blocks inode". */
export function badBlocksNote(list: string, bytes: number): MapNote {
  return {
    severity: 'info',
    code: 'BAD_BLOCKS_LEFT_OUT',
    message: `${list} lists ${bytes} bytes as bad: they are neither read nor copied`,
  };
}
