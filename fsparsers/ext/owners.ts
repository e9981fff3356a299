/** Reads all inodes in use, in the order of their tables, and checks their blocks against the free ranges. */

import { OwnerCheck, skipOwners, skipped, type CrossChecked } from '../crosscheck.js';
import { gather } from '../gather.js';
import type { ParserOptions } from '../parser.js';
import type { ByteReader } from '../reader.js';
import type { MapBuilder } from '../mapbuilder.js';
import { InodeClaims } from './claims.js';
import { readDescriptors } from './descriptors.js';
import type { ExtGeometry } from './geometry.js';
import type { GroupTable } from './groups.js';
import { badBlocksInode, decodeInode, inodeChecksumHolds, linksOf } from './inode.js';

const words = {
  owners: 'inodes',
  allocation: 'the block bitmaps',
  repair: 'e2fsck -f',
} as const;

/**
 * Does the cross-check if `options` ask for it. `builder` must have the free ranges of this view of the
 * volume, and no others. Damaged or unreadable owners are reported in the result and do not make it fail.
 */
export async function checkOwners(
  reader: ByteReader,
  table: GroupTable,
  builder: MapBuilder,
  hasBad: boolean,
  options: ParserOptions,
): Promise<CrossChecked> {
  const { geometry, totals } = table;
  const usedBlocks = geometry.blocksCount - totals.freeClusters * geometry.blocksPerCluster;
  const skip = skipOwners(options, {
    owners: 'the inodes',
    msPerMebibyte: 9,
    ownersBytes: totals.writtenInodes * geometry.inodeBytes,
    usedBytes: Math.max(0, usedBlocks) * geometry.blockBytes,
    hasBad,
  });
  if (skip !== null) return skip;
  const check = new OwnerCheck(builder, words);
  const claims = new InodeClaims(reader, geometry, check, options.signal);
  for await (const { first, bytes } of inodeTables(reader, table, check, options.signal)) {
    claimAll(claims, check, table, first, bytes);
    await claims.follow();
  }
  return check.finish();
}

/** A map without free ranges has nothing to check. */
export const nothingFree: CrossChecked = skipped('nothing counts as free');

interface TablePart {
  /** Number of its first inode. */
  readonly first: number;
  readonly offsetBytes: number;
  readonly lengthBytes: number;
}

/** How much of a table is read before following the mappings of its inodes: whole blocks. */
const partBytes = 4 << 20;

async function* inodeTables(
  reader: ByteReader,
  { geometry }: GroupTable,
  check: OwnerCheck,
  signal?: AbortSignal,
): AsyncGenerator<{ readonly first: number; readonly bytes: Uint8Array }> {
  const { inodesPerGroup, inodeBytes, blockBytes } = geometry;
  const partInodes = partBytes / inodeBytes;
  for await (const { firstGroup, descriptors } of readDescriptors(reader, geometry, signal)) {
    const parts: TablePart[] = [];
    for (const [nth, descriptor] of descriptors.entries()) {
      const group = firstGroup + nth;
      const { inodeTable, checksumHolds, writtenInodes } = descriptor;
      const end = inodeTable + geometry.inodeTableBlocks;
      const isInside = inodeTable > geometry.superblockBlock && end <= geometry.blocksCount;
      if (!checksumHolds || !isInside) {
        check.addUnread(`group ${group}`, 'its descriptor is damaged');
        continue;
      }
      for (let at = 0; at < writtenInodes; at += partInodes) {
        parts.push({
          first: group * inodesPerGroup + at + 1,
          offsetBytes: inodeTable * blockBytes + at * inodeBytes,
          lengthBytes: Math.min(partInodes, writtenInodes - at) * inodeBytes,
        });
      }
    }
    const blocks: TablePart[] = [];
    const narrow = (part: TablePart) => blocks.push(...blocksOf(geometry, part));
    for await (const { piece, bytes } of gather(reader, parts, signal, narrow)) {
      yield { first: piece.first, bytes };
    }
    const tell = ({ first, lengthBytes }: TablePart) => {
      const last = first + lengthBytes / inodeBytes - 1;
      check.addUnread(`inodes ${first} to ${last}`, 'they cannot be read');
    };
    for await (const { piece, bytes } of gather(reader, blocks, signal, tell)) {
      yield { first: piece.first, bytes };
    }
  }
}

/** Read block by block, so that a bad sector costs only one block. */
function blocksOf({ blockBytes, inodeBytes }: ExtGeometry, part: TablePart): TablePart[] {
  const inodesPerBlock = blockBytes / inodeBytes;
  const count = Math.ceil(part.lengthBytes / blockBytes);
  return Array.from({ length: count }, (_, nth) => ({
    first: part.first + nth * inodesPerBlock,
    offsetBytes: part.offsetBytes + nth * blockBytes,
    lengthBytes: Math.min(blockBytes, part.lengthBytes - nth * blockBytes),
  }));
}

function claimAll(
  claims: InodeClaims,
  check: OwnerCheck,
  { geometry }: GroupTable,
  first: number,
  bytes: Uint8Array,
): void {
  const { inodeBytes } = geometry;
  for (let nth = 0; (nth + 1) * inodeBytes <= bytes.length; nth++) {
    const at = nth * inodeBytes;
    // An inode without links is unused: e2fsck or the next mount frees its blocks.
    if (linksOf(bytes, at) === 0 || first + nth === badBlocksInode) continue;
    const own = bytes.subarray(at, at + inodeBytes);
    const inode = decodeInode(own, first + nth);
    if (inodeChecksumHolds(geometry, inode, own)) claims.add(inode);
    else check.addUnread(`inode ${inode.number}`, 'its checksum does not match');
  }
}
