/**
 * Group descriptors: where their blocks lie, what is in them, and whether their checksum matches.
 * Sources: Linux fs/ext4/ext4.h (struct ext4_group_desc), fs/ext4/super.c (descriptor_loc,
 * ext4_group_desc_csum).
 */

import { crc16, crc32c } from '../checksum.js';
import { ParseError } from '../errors.js';
import { gather } from '../gather.js';
import { layout } from '../layout.js';
import { readStructure } from '../reader.js';
import type { ByteReader } from '../reader.js';
import { groupHead, hasSuperblock } from './geometry.js';
import type { ExtGeometry } from './geometry.js';

export type { ExtGeometry } from './geometry.js';

const lowLayout = layout('little', {
  blockBitmap: [0x00, 'u32'],
  inodeBitmap: [0x04, 'u32'],
  inodeTable: [0x08, 'u32'],
  freeClusters: [0x0c, 'u16'],
  flags: [0x12, 'u16'],
  blockBitmapChecksum: [0x18, 'u16'],
  unusedInodes: [0x1c, 'u16'],
  checksum: [0x1e, 'u16'],
});

/** The fields that the 64bit feature adds after the first 32 bytes. */
const highLayout = layout('little', {
  blockBitmap: [0x20, 'u32'],
  inodeBitmap: [0x24, 'u32'],
  inodeTable: [0x28, 'u32'],
  freeClusters: [0x2c, 'u16'],
  unusedInodes: [0x32, 'u16'],
  blockBitmapChecksum: [0x38, 'u16'],
});

const checksumAt = 0x1e;
const afterChecksum = 0x20;
const inodeUninitFlag = 1;
const blockUninitFlag = 2;

export interface GroupDescriptor {
  /** Block numbers. */
  readonly blockBitmap: number;
  readonly inodeBitmap: number;
  readonly inodeTable: number;
  readonly freeClusters: number;
  /** The block bitmap was never written: only metadata is used in this group. */
  readonly blockUninit: boolean;
  /** Inodes at the table's beginning that were ever written; the rest may be anything. */
  readonly writtenInodes: number;
  /** 32 bits, or only the low 16 where `blockBitmapChecksumBits` says so. */
  readonly blockBitmapChecksum: number;
  /** Whether the descriptor's own checksum matches; true if descriptors have none. */
  readonly checksumHolds: boolean;
}

/** How many bits of a bitmap's checksum a descriptor has room for. */
export function blockBitmapChecksumBits(geometry: ExtGeometry): 16 | 32 {
  return geometry.has('64bit') ? 32 : 16;
}

/** Decodes the descriptor of `group` that begins at `at`. */
export function decodeDescriptor(
  geometry: ExtGeometry,
  group: number,
  bytes: Uint8Array,
  at: number,
): GroupDescriptor {
  const low = lowLayout.decode(bytes, at);
  const high = geometry.has('64bit') ? highLayout.decode(bytes, at) : null;
  const wide = 2 ** 32;
  const carriesChecksums = geometry.has('metadata_csum') || geometry.has('uninit_bg');
  return {
    blockBitmap: low.blockBitmap + (high?.blockBitmap ?? 0) * wide,
    inodeBitmap: low.inodeBitmap + (high?.inodeBitmap ?? 0) * wide,
    inodeTable: low.inodeTable + (high?.inodeTable ?? 0) * wide,
    freeClusters: low.freeClusters + (high?.freeClusters ?? 0) * 0x10000,
    // The kernel ignores the flag unless a checksum covers it, and so must every reader.
    blockUninit: carriesChecksums && (low.flags & blockUninitFlag) !== 0,
    writtenInodes: carriesChecksums
      ? writtenInodes(geometry, low, high?.unusedInodes ?? 0)
      : geometry.inodesPerGroup,
    blockBitmapChecksum: low.blockBitmapChecksum + (high?.blockBitmapChecksum ?? 0) * 0x10000,
    checksumHolds:
      !carriesChecksums ||
      descriptorChecksum(geometry, group, bytes.subarray(at, at + geometry.descriptorBytes)) ===
        low.checksum,
  };
}

/** Counted like the kernel's lazy initialisation and e2fsck's scan. */
function writtenInodes(
  { inodesPerGroup }: ExtGeometry,
  { flags, unusedInodes: low }: { readonly flags: number; readonly unusedInodes: number },
  high: number,
): number {
  if ((flags & inodeUninitFlag) !== 0) return 0;
  const unused = low + high * 0x10000;
  return unused > inodesPerGroup ? inodesPerGroup : inodesPerGroup - unused;
}

/** The checksum that the descriptor of `group` must carry, under metadata_csum or uninit_bg. */
export function descriptorChecksum(
  geometry: ExtGeometry,
  group: number,
  descriptor: Uint8Array,
): number {
  const number = new Uint8Array(4);
  new DataView(number.buffer).setUint32(0, group, true);
  const before = descriptor.subarray(0, checksumAt);
  const after = descriptor.subarray(afterChecksum);
  if (geometry.has('metadata_csum')) {
    let crc = crc32c(crc32c(geometry.checksumSeed, number), before);
    crc = crc32c(crc32c(crc, new Uint8Array(2)), after);
    return crc & 0xffff;
  }
  const { uuid } = geometry.superblock.fields;
  return crc16(crc16(crc16(crc16(0xffff, uuid), number), before), after);
}

/** The block that holds descriptor block `index`: after the superblock, or in its meta block group. */
export function descriptorBlockLocation(geometry: ExtGeometry, index: number): number {
  if (index < geometry.firstMetaDescriptorBlock) return geometry.superblockBlock + 1 + index;
  const group = index * geometry.descriptorsPerBlock;
  return groupHead(geometry, group) + (hasSuperblock(geometry, group) ? 1 : 0);
}

/** The number of descriptor blocks that are examined together. */
const blocksPerBatch = 64;

/**
 * Reads the descriptors of all groups, one descriptor block after the other but in large reads.
 * Rejects with ParseError where a descriptor block lies off the device.
 */
export async function* readDescriptors(
  reader: ByteReader,
  geometry: ExtGeometry,
  signal?: AbortSignal,
): AsyncGenerator<{ readonly firstGroup: number; readonly descriptors: GroupDescriptor[] }> {
  const { descriptorBytes, descriptorsPerBlock, groupsCount } = geometry;
  for (let first = 0; first < geometry.descriptorBlocks; first += blocksPerBatch) {
    const count = Math.min(blocksPerBatch, geometry.descriptorBlocks - first);
    const pieces = Array.from({ length: count }, (_, nth) => ({
      firstGroup: (first + nth) * descriptorsPerBlock,
      offsetBytes: descriptorBlockOffset(reader, geometry, first + nth),
      lengthBytes: geometry.blockBytes,
    }));
    for await (const { piece, bytes } of gather(reader, pieces, signal)) {
      const { firstGroup } = piece;
      const here = Math.min(descriptorsPerBlock, groupsCount - firstGroup);
      const descriptors = Array.from({ length: here }, (_, nth) =>
        decodeDescriptor(geometry, firstGroup + nth, bytes, nth * descriptorBytes),
      );
      yield { firstGroup, descriptors };
    }
  }
}

function descriptorBlockOffset(reader: ByteReader, geometry: ExtGeometry, index: number): number {
  const offsetBytes = descriptorBlockLocation(geometry, index) * geometry.blockBytes;
  if (offsetBytes + geometry.blockBytes > reader.sizeBytes) {
    throw new ParseError('TRUNCATED', 'lies behind the end of the device', {
      structure: `group descriptor block ${index}`,
      offsetBytes,
    });
  }
  return offsetBytes;
}

/** Reads the descriptor of one group. */
export async function readDescriptor(
  reader: ByteReader,
  geometry: ExtGeometry,
  group: number,
): Promise<GroupDescriptor> {
  const { descriptorsPerBlock, descriptorBytes } = geometry;
  const block = Math.floor(group / descriptorsPerBlock);
  const bytes = await readStructure(
    reader,
    `group ${group} descriptor`,
    descriptorBlockOffset(reader, geometry, block) +
      (group % descriptorsPerBlock) * descriptorBytes,
    descriptorBytes,
  );
  return decodeDescriptor(geometry, group, bytes, 0);
}

/**
 * The byte at which inode number `inode` (from 1) begins. Rejects with ParseError where there is no
 * such inode, or where the descriptor of its group does not hold.
 */
export async function inodeOffsetBytes(
  reader: ByteReader,
  geometry: ExtGeometry,
  inode: number,
): Promise<number> {
  if (!Number.isInteger(inode) || inode < 1 || inode > geometry.inodesCount) {
    throw new ParseError('CORRUPT', `there is no inode ${inode}`, {
      structure: `inode ${inode}`,
      offsetBytes: 0,
    });
  }
  const group = Math.floor((inode - 1) / geometry.inodesPerGroup);
  const { inodeTable, checksumHolds } = await readDescriptor(reader, geometry, group);
  const inside =
    inodeTable > geometry.superblockBlock &&
    inodeTable + geometry.inodeTableBlocks <= geometry.blocksCount;
  if (!inside || !checksumHolds) {
    const block = Math.floor(group / geometry.descriptorsPerBlock);
    throw new ParseError(
      'CORRUPT',
      checksumHolds ? `inode table is at block ${inodeTable}` : 'checksum does not match',
      {
        structure: `group ${group} descriptor`,
        offsetBytes: descriptorBlockLocation(geometry, block) * geometry.blockBytes,
      },
    );
  }
  const nth = (inode - 1) % geometry.inodesPerGroup;
  return inodeTable * geometry.blockBytes + nth * geometry.inodeBytes;
}
