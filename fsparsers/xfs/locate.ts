/** Names what lies at a byte of an XFS volume. */

import type { RangeTable } from '../rangetable.js';
import type { KnownBlocks } from './known-blocks.js';
import type { Geometry } from './superblock.js';

/** The first sectors of every allocation group, in this order. */
const headerNames = [
  'superblock',
  'free space header (AGF)',
  'inode header (AGI)',
  'free list header (AGFL)',
] as const;

/** A function that names bytes. `known` is null for a group that could not be read. */
export function locator(
  geometry: Geometry,
  known: readonly (KnownBlocks | null)[],
  ranges: RangeTable,
): (offsetBytes: number) => string {
  const { blockBytes, dataBlocks, agBlocks, sectorBytes, log } = geometry;
  return (offsetBytes) => {
    const block = Math.floor(offsetBytes / blockBytes);
    if (block >= dataBlocks) return 'behind the file system';
    const intoLog = log.startBytes === null ? -1 : offsetBytes - log.startBytes;
    if (intoLog >= 0 && intoLog < log.lengthBytes) return 'log';
    const agno = Math.floor(block / agBlocks);
    const header =
      headerNames[Math.floor((offsetBytes - agno * agBlocks * blockBytes) / sectorBytes)];
    if (header !== undefined) return `AG ${agno} ${header}`;
    const purpose = known[agno]?.find(block % agBlocks) ?? null;
    if (purpose !== null) return `AG ${agno} ${purpose}`;
    const { reason } = ranges.find(offsetBytes);
    if (reason === 'unknown') return `AG ${agno}, unknown`;
    return `AG ${agno} ${reason === 'free' ? 'free space' : reason}`;
  };
}
