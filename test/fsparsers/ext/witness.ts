/**
 * Reads an ext image in the plainest way, block by block and without any judgement, for what its
 * structures prove used. Only what follows from readable, in-bounds structures is told.
 */

import { decodeDescriptor } from '../../../fsparsers/ext/descriptors.js';
import { decodeSuperblock } from '../../../fsparsers/ext/superblock.js';
import { geometryOf } from '../../../fsparsers/ext/geometry.js';
import { ParseError } from '../../../fsparsers/errors.js';

/** Calls `prove` with each block that a structure proves used, and with what proves it. */
export function eachProvedBlock(
  bytes: Buffer,
  prove: (block: number, blockBytes: number, why: string) => void,
): void {
  const geometry = plainGeometry(bytes);
  if (geometry === null) return;
  const { blockBytes, blocksCount, groupsCount, blocksPerGroup, firstDataBlock } = geometry;
  const proved = (first: number, count: number, why: string) => {
    for (let block = first; block < Math.min(first + count, blocksCount); block++) {
      prove(block, blockBytes, why);
    }
  };
  const table = (blockBytes === 1024 ? 1 : 0) + 1;
  proved(0, table, 'superblock');
  for (let group = 0; group < Math.min(groupsCount, 4096); group++) {
    const at = table * blockBytes + group * geometry.descriptorBytes;
    if (geometry.has('meta_bg') || at + geometry.descriptorBytes > bytes.length) return;
    proved(Math.floor(at / blockBytes), 1, 'descriptors');
    const descriptor = decodeDescriptor(geometry, group, bytes, at);
    if (!descriptor.checksumHolds) continue;
    const { blockBitmap, inodeBitmap, inodeTable } = descriptor;
    const groupFirst = firstDataBlock + group * blocksPerGroup;
    const groupLast = Math.min(groupFirst + blocksPerGroup, blocksCount) - 1;
    const lowest = geometry.has('flex_bg') ? table : groupFirst;
    const highest = geometry.has('flex_bg') ? blocksCount - 1 : groupLast;
    const places: [number, number, string][] = [
      [blockBitmap, 1, 'block bitmap'],
      [inodeBitmap, 1, 'inode bitmap'],
      [inodeTable, geometry.inodeTableBlocks, 'inode table'],
    ];
    const isSound = places.every(
      ([first, count]) => first >= lowest && first + count - 1 <= highest,
    );
    if (!isSound) continue;
    for (const [first, count, kind] of places) proved(first, count, `group ${group} ${kind}`);
    if (descriptor.blockUninit) continue;
    for (let block = groupFirst; block <= groupLast; block++) {
      const bit = Math.floor((block - groupFirst) / geometry.blocksPerCluster);
      const byte = bytes[blockBitmap * blockBytes + (bit >>> 3)] ?? 0;
      if (((byte >>> (bit & 7)) & 1) === 1) proved(block, 1, `group ${group} bit ${bit}`);
    }
  }
}

function plainGeometry(bytes: Buffer) {
  try {
    return geometryOf(decodeSuperblock(bytes, 1024), bytes.length);
  } catch (error) {
    if (error instanceof ParseError || error instanceof RangeError) return null;
    throw error;
  }
}
