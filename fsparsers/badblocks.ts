/** The note about the blocks that a file system lists as unreadable, the same for every family. */

import type { MapNote } from './usedmap.js';

/** `list` names the list: "$BadClus", "the bad-blocks inode". */
export function badBlocksNote(list: string, bytes: number): MapNote {
  return {
    severity: 'info',
    code: 'BAD_BLOCKS_LEFT_OUT',
    message: `${list} lists ${bytes} bytes as bad: they are neither read nor copied`,
  };
}
