/**
 * Inodes: what is in one, and whether its checksum holds.
 *
 * Sources: Linux fs/ext4/ext4.h (struct ext4_inode), fs/ext4/inode.c (ext4_inode_csum).
 */

import { crc32c } from '../checksum.js';
import { ParseError } from '../errors.js';
import { layout } from '../layout.js';
import { readStructure } from '../reader.js';
import type { ByteReader } from '../reader.js';
import { inodeOffsetBytes } from './descriptors.js';
import type { ExtGeometry } from './geometry.js';

const inodeLayout = layout('little', {
  i_mode: [0x00, 'u16'],
  i_size_lo: [0x04, 'u32'],
  i_links_count: [0x1a, 'u16'],
  i_flags: [0x20, 'u32'],
  i_block: [0x28, 'bytes:60'],
  i_generation: [0x64, 'u32'],
  i_file_acl_lo: [0x68, 'u32'],
  i_size_high: [0x6c, 'u32'],
  i_file_acl_high: [0x76, 'u16'],
  i_checksum_lo: [0x7c, 'u16'],
});

/** What an inode of more than 128 bytes adds. */
const extraLayout = layout('little', {
  i_extra_isize: [0x80, 'u16'],
  i_checksum_hi: [0x82, 'u16'],
});

const oldInodeBytes = 128;

/** Its blocks are those that cannot be used. */
export const badBlocksInode = 1;

/** Bits of `i_flags`. */
export const inodeFlags = { encrypted: 0x800, extents: 0x80000, inlineData: 0x10000000 } as const;

const formatMask = 0xf000;
const formats = { regular: 0x8000, directory: 0x4000, link: 0xa000 } as const;
/** A link's target of fewer bytes lies in the inode itself. */
const inodeTextBytes = 60;

export interface Inode {
  readonly number: number;
  /** Where it lies on the device; 0 for one that was not read from an inode table. */
  readonly offsetBytes: number;
  readonly isRegular: boolean;
  /** Whether `block` is the root of a block map: not in devices, short links, files with inline data. */
  readonly mapsBlocks: boolean;
  readonly linksCount: number;
  readonly sizeBytes: number;
  readonly flags: number;
  readonly generation: number;
  /** Block of extended attributes, or 0. */
  readonly attributeBlock: number;
  /** The root of the block map: 60 bytes. */
  readonly block: Uint8Array;
}

/** Decodes an inode's bytes (at least 128) without judging them. */
export function decodeInode(bytes: Uint8Array, number: number, offsetBytes = 0): Inode {
  const raw = inodeLayout.decode(bytes);
  const sizeBytes = raw.i_size_high * 2 ** 32 + raw.i_size_lo;
  return {
    number,
    offsetBytes,
    isRegular: (raw.i_mode & formatMask) === formats.regular,
    mapsBlocks: mapsBlocks(raw.i_mode & formatMask, raw.i_flags, sizeBytes),
    linksCount: raw.i_links_count,
    sizeBytes,
    flags: raw.i_flags,
    generation: raw.i_generation,
    attributeBlock: raw.i_file_acl_high * 2 ** 32 + raw.i_file_acl_lo,
    block: raw.i_block,
  };
}

function mapsBlocks(format: number, flags: number, sizeBytes: number): boolean {
  if ((flags & inodeFlags.inlineData) !== 0) return false;
  if (format === formats.regular || format === formats.directory) return true;
  const isLong = (flags & inodeFlags.extents) !== 0 || sizeBytes >= inodeTextBytes;
  return format === formats.link && isLong;
}

/** How many links an inode's bytes say that it has, without decoding the rest. 0: it is not in use. */
export function linksOf(bytes: Uint8Array): number {
  const [at] = inodeLayout.fields.i_links_count;
  return (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
}

/** Reads inode `number`. Rejects with ParseError where it does not exist or fails its checksum. */
export async function readInode(
  reader: ByteReader,
  geometry: ExtGeometry,
  number: number,
): Promise<Inode> {
  const offsetBytes = await inodeOffsetBytes(reader, geometry, number);
  const structure = `inode ${number}`;
  const bytes = await readStructure(reader, structure, offsetBytes, geometry.inodeBytes);
  const inode = decodeInode(bytes, number, offsetBytes);
  if (!inodeChecksumHolds(geometry, inode, bytes)) {
    throw new ParseError('CORRUPT', 'checksum does not hold', { structure, offsetBytes });
  }
  return inode;
}

/** What the checksums of an inode and of its extent blocks begin with. */
export function inodeChecksumSeed(geometry: ExtGeometry, inode: Inode): number {
  return crc32c(
    crc32c(geometry.checksumSeed, littleEndian32(inode.number)),
    littleEndian32(inode.generation),
  );
}

/** True where inodes carry no checksums. */
export function inodeChecksumHolds(
  geometry: ExtGeometry,
  inode: Inode,
  bytes: Uint8Array,
): boolean {
  if (!geometry.has('metadata_csum')) return true;
  const zeroed = new Uint8Array(bytes);
  const [lowAt] = inodeLayout.fields.i_checksum_lo;
  const [highAt] = extraLayout.fields.i_checksum_hi;
  zeroed.fill(0, lowAt, lowAt + 2);
  const low = inodeLayout.decode(bytes).i_checksum_lo;
  const extra = bytes.length > oldInodeBytes ? extraLayout.decode(bytes) : null;
  // The high half is there only where the inode's extra part is long enough to hold it.
  const hasHigh = extra !== null && oldInodeBytes + extra.i_extra_isize >= highAt + 2;
  if (hasHigh) zeroed.fill(0, highAt, highAt + 2);
  const sum = crc32c(inodeChecksumSeed(geometry, inode), zeroed);
  return hasHigh ? sum === extra.i_checksum_hi * 0x10000 + low : (sum & 0xffff) === low;
}

function littleEndian32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}
