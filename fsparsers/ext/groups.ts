/** All groups of a file system according to their descriptors: where their metadata lies, and what is free. */

import type { Extent } from '../extents.js';
import type { ByteReader } from '../reader.js';
import { readDescriptors } from './descriptors.js';
import type { GroupDescriptor } from './descriptors.js';
import { GroupFaults } from './faults.js';
import { groupEnd, groupHead, groupOfBlock, groupStart, hasSuperblock } from './geometry.js';
import type { ExtGeometry } from './geometry.js';
import { MetadataIndex } from './metadata.js';
import { superblockError } from './superblock.js';

/** More groups than this (2 PiB of the usual size) are refused: it bounds memory at some 300 MB. */
const maxGroups = 1 << 24;

/** What is kept of each group's descriptor, 17 bytes a group. */
export interface GroupTable {
  readonly geometry: ExtGeometry;
  /** Block numbers; 0 where the group's bitmap is not to be read. */
  readonly blockBitmap: Float64Array;
  readonly blockUninit: Uint8Array;
  readonly freeClusters: Uint32Array;
  readonly blockBitmapChecksum: Uint32Array;
  readonly metadata: MetadataIndex;
  readonly faults: GroupFaults;
  /** Of all groups together. */
  readonly totals: { writtenInodes: number; freeClusters: number };
}

/**
 * Reads all group descriptors. `journalRanges`, in bytes, count as metadata. Rejects with ParseError
 * where the descriptors cannot be read at all; a bad one among them is in `faults`.
 */
export async function readGroups(
  reader: ByteReader,
  geometry: ExtGeometry,
  journalRanges: readonly Extent[],
  signal?: AbortSignal,
): Promise<GroupTable> {
  const { groupsCount } = geometry;
  if (groupsCount > maxGroups) {
    throw superblockError('UNSUPPORTED', `the file system has ${groupsCount} groups`);
  }
  const table: GroupTable = {
    geometry,
    blockBitmap: new Float64Array(groupsCount),
    blockUninit: new Uint8Array(groupsCount),
    freeClusters: new Uint32Array(groupsCount),
    blockBitmapChecksum: new Uint32Array(groupsCount),
    metadata: new MetadataIndex(geometry),
    faults: new GroupFaults(groupsCount),
    totals: { writtenInodes: 0, freeClusters: 0 },
  };
  addSingleStructures(table.metadata, geometry, journalRanges);
  for await (const { firstGroup, descriptors } of readDescriptors(reader, geometry, signal)) {
    for (const [nth, descriptor] of descriptors.entries()) {
      addGroup(table, firstGroup + nth, descriptor);
    }
  }
  table.metadata.finish((group) => {
    table.faults.add(group, 'METADATA_OVERLAP');
  });
  return table;
}

function addSingleStructures(
  metadata: MetadataIndex,
  geometry: ExtGeometry,
  journalRanges: readonly Extent[],
): void {
  const { blockBytes, superblock, superblockBlock, blocksCount } = geometry;
  metadata.add('boot block', 0, superblockBlock, 0);
  const { mmpBlock } = superblock.fields;
  if (geometry.has('mmp') && mmpBlock > superblockBlock && mmpBlock < blocksCount) {
    metadata.add('MMP block', mmpBlock, 1, groupOfBlock(geometry, mmpBlock));
  }
  for (const { start, length } of journalRanges) {
    const first = Math.floor(start / blockBytes);
    metadata.add('journal', first, Math.ceil((start + length) / blockBytes) - first, 0);
  }
}

function addGroup(table: GroupTable, group: number, descriptor: GroupDescriptor): void {
  const { geometry, metadata, faults } = table;
  addGroupHead(metadata, geometry, group);
  if (!descriptor.checksumHolds) {
    faults.add(group, 'DESCRIPTOR_CHECKSUM');
    return;
  }
  const { blockBitmap, inodeBitmap, inodeTable } = descriptor;
  const { inodeTableBlocks } = geometry;
  const places = [
    ['block bitmap', blockBitmap, 1],
    ['inode bitmap', inodeBitmap, 1],
    ['inode table', inodeTable, inodeTableBlocks],
  ] as const;
  for (const [kind, start, blocks] of places) {
    if (mayLieAt(geometry, group, start, blocks)) metadata.add(kind, start, blocks, group);
    else faults.add(group, 'METADATA_OUTSIDE');
  }
  table.blockBitmap[group] = faults.has(group) ? 0 : blockBitmap;
  table.blockUninit[group] = descriptor.blockUninit ? 1 : 0;
  table.freeClusters[group] = descriptor.freeClusters;
  table.blockBitmapChecksum[group] = descriptor.blockBitmapChecksum;
  table.totals.writtenInodes += descriptor.writtenInodes;
  table.totals.freeClusters += descriptor.freeClusters;
}

/** Adds the copies of the superblock and of group descriptors with which a group begins. */
function addGroupHead(metadata: MetadataIndex, geometry: ExtGeometry, group: number): void {
  const { descriptorsPerBlock, firstMetaDescriptorBlock, reservedGdtBlocks } = geometry;
  let block = groupHead(geometry, group);
  const end = groupEnd(geometry, group);
  const add = (kind: Parameters<MetadataIndex['add']>[0], blocks: number) => {
    metadata.add(kind, block, Math.min(blocks, end - block), group);
    block += blocks;
  };
  const hasSuper = hasSuperblock(geometry, group);
  if (hasSuper) add('superblock', 1);
  const metaGroup = Math.floor(group / descriptorsPerBlock);
  if (!geometry.has('meta_bg') || metaGroup < firstMetaDescriptorBlock) {
    if (!hasSuper) return;
    add('group descriptors', firstMetaDescriptorBlock);
    if (!geometry.has('meta_bg')) add('reserved group descriptors', reservedGdtBlocks);
    return;
  }
  // The first, second and last group of a meta block group hold a copy of its descriptor block.
  const place = group % descriptorsPerBlock;
  if (place <= 1 || place === descriptorsPerBlock - 1) add('group descriptors', 1);
}

/** Whether the kernel would accept a structure there (ext4_check_descriptors). */
function mayLieAt(geometry: ExtGeometry, group: number, start: number, blocks: number): boolean {
  const isFlexible = geometry.has('flex_bg');
  const first = isFlexible ? geometry.superblockBlock + 1 : groupStart(geometry, group);
  const end = isFlexible ? geometry.blocksCount : groupEnd(geometry, group);
  return start >= first && start + blocks <= end;
}
