/** The blocks that the file system itself lists as unusable: those of inode 1. */

import { badBlocksNote } from '../badblocks.js';
import { ParseError } from '../errors.js';
import { readStructure, type ByteReader } from '../reader.js';
import type { MapBuilder } from '../mapbuilder.js';
import type { MapNote } from '../usedmap.js';
import { mapBlocks } from './blockmap.js';
import { inodeOffsetBytes } from './descriptors.js';
import type { ExtGeometry } from './geometry.js';
import { badBlocksInode, decodeInode, inodeChecksumHolds, type Inode } from './inode.js';

/**
 * Marks them as bad. A damaged or unreadable list marks nothing and causes a note; its blocks are then
 * read like all others.
 */
export async function markBadBlocks(
  reader: ByteReader,
  geometry: ExtGeometry,
  builder: MapBuilder,
): Promise<MapNote[]> {
  const { blockBytes } = geometry;
  try {
    const inode = await readList(reader, geometry);
    if (inode === null) return [];
    let blocks = 0;
    const { extents } = await mapBlocks(reader, geometry, inode);
    for (const extent of extents) {
      builder.mark('bad', extent.physical * blockBytes, extent.blocks * blockBytes);
      blocks += extent.blocks;
    }
    if (blocks === 0) return [];
    return [badBlocksNote('the bad-blocks inode', blocks * blockBytes)];
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const message = `the list of bad blocks cannot be read (${why}): all of them are copied`;
    return [{ severity: 'warning', code: 'BAD_BLOCKS_UNKNOWN', message }];
  }
}

/** Inode 1; null where it was never written. */
async function readList(reader: ByteReader, geometry: ExtGeometry): Promise<Inode | null> {
  const structure = 'list of bad blocks';
  const offsetBytes = await inodeOffsetBytes(reader, geometry, badBlocksInode);
  const bytes = await readStructure(reader, structure, offsetBytes, geometry.inodeBytes);
  const inode = decodeInode(bytes, badBlocksInode, offsetBytes);
  if (inode.block.every((byte) => byte === 0)) return null;
  if (inodeChecksumHolds(geometry, inode, bytes)) return inode;
  throw new ParseError('CORRUPT', 'checksum does not match', { structure, offsetBytes });
}
