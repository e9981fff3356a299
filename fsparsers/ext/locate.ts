/** Names what lies at a byte of an ext2/3/4 volume. */

import type { RangeTable } from '../rangetable.js';
import type { Reason } from '../reason.js';
import type { ExtGeometry } from './geometry.js';
import { groupOfBlock } from './geometry.js';
import type { MetadataIndex, MetadataKind } from './metadata.js';
import { superblockOffsetBytes } from './superblock.js';

const reasonNames: Readonly<Record<Reason, string>> = {
  free: 'free',
  unknown: 'unknown',
  data: 'data',
  bad: 'bad block',
  outside: 'outside the file system',
  journal: 'journal',
  metadata: 'metadata',
};

/** A function that names bytes, in time logarithmic in the map's size. */
export function locator(
  geometry: ExtGeometry,
  metadata: MetadataIndex,
  ranges: RangeTable,
): (offsetBytes: number) => string {
  return (offsetBytes) => {
    const { reason } = ranges.find(offsetBytes);
    if (reason === 'outside' || offsetBytes < 0) return reasonNames.outside;
    if (offsetBytes < superblockOffsetBytes) return 'boot block';
    const block = Math.floor(offsetBytes / geometry.blockBytes);
    const found = metadata.find(block);
    if (found !== null) return metadataName(found.kind, found.group);
    if (reason !== 'unknown') return reasonNames[reason];
    return `group ${groupOfBlock(geometry, block)}, unknown`;
  };
}

function metadataName(kind: MetadataKind, group: number): string {
  switch (kind) {
    case 'superblock':
    case 'group descriptors':
    case 'reserved group descriptors':
      return group === 0 ? kind : `group ${group} copy of ${kind}`;
    case 'block bitmap':
    case 'inode bitmap':
    case 'inode table':
      return `group ${group} ${kind}`;
    default:
      return kind;
  }
}
