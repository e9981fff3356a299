/**
 * Inodes: their fields, and whether their checksum matches. Sources: Linux fs/ext4/ext4.h (struct
 * ext4_inode), fs/ext4/inode.c (ext4_inode_csum).
 */

import { crc32c, crc32cOfNumber } from '../checksum.js';
import { ParseError } from '../errors.js';
import { readStructure } from '../reader.js';
import type { ByteReader } from '../reader.js';
import { inodeOffsetBytes } from './descriptors.js';
import type { ExtGeometry } from './geometry.js';

/** Where the fields lie. Read one by one, since there may be millions of inodes. */
const fieldAt = {
  mode: 0x00,
  sizeLow: 0x04,
  linksCount: 0x1a,
  flags: 0x20,
  block: 0x28,
  blockEnd: 0x64,
  generation: 0x64,
  fileAclLow: 0x68,
  sizeHigh: 0x6c,
  fileAclHigh: 0x76,
  checksumLow: 0x7c,
  /** In inodes of more than 128 bytes. */
  extraBytes: 0x80,
  checksumHigh: 0x82,
} as const;

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
  /** Its offset on the device; 0 if it was not read from an inode table. */
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

/** Decodes an inode's bytes (at least 128) without checking them. */
export function decodeInode(bytes: Uint8Array, number: number, offsetBytes = 0): Inode {
  const view = viewOf(bytes);
  const format = view.getUint16(fieldAt.mode, true) & formatMask;
  const flags = view.getUint32(fieldAt.flags, true);
  const sizeBytes = wide(view, fieldAt.sizeLow, view.getUint32(fieldAt.sizeHigh, true));
  return {
    number,
    offsetBytes,
    isRegular: format === formats.regular,
    mapsBlocks: mapsBlocks(format, flags, sizeBytes),
    linksCount: view.getUint16(fieldAt.linksCount, true),
    sizeBytes,
    flags,
    generation: view.getUint32(fieldAt.generation, true),
    attributeBlock: wide(view, fieldAt.fileAclLow, view.getUint16(fieldAt.fileAclHigh, true)),
    block: bytes.subarray(fieldAt.block, fieldAt.blockEnd),
  };
}

function wide(view: DataView, lowAt: number, high: number): number {
  return high * 2 ** 32 + view.getUint32(lowAt, true);
}

function mapsBlocks(format: number, flags: number, sizeBytes: number): boolean {
  if ((flags & inodeFlags.inlineData) !== 0) return false;
  if (format === formats.regular || format === formats.directory) return true;
  const isLong = (flags & inodeFlags.extents) !== 0 || sizeBytes >= inodeTextBytes;
  return format === formats.link && isLong;
}

/** The link count of the inode at `at`. 0: it is not in use. */
export function linksOf(bytes: Uint8Array, at: number): number {
  const low = at + fieldAt.linksCount;
  return (bytes[low] as number) | ((bytes[low + 1] as number) << 8);
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
    throw new ParseError('CORRUPT', 'checksum does not match', { structure, offsetBytes });
  }
  return inode;
}

/** What the checksums of an inode and of its extent blocks begin with. */
export function inodeChecksumSeed(
  { checksumSeed }: ExtGeometry,
  { number, generation }: Inode,
): number {
  return crc32cOfNumber(crc32cOfNumber(checksumSeed, number), generation);
}

/** True where inodes carry no checksums. */
export function inodeChecksumHolds(
  geometry: ExtGeometry,
  inode: Inode,
  bytes: Uint8Array,
): boolean {
  if (!geometry.has('metadata_csum')) return true;
  const view = viewOf(bytes);
  const low = view.getUint16(fieldAt.checksumLow, true);
  // The high half is there only where the inode's extra part is long enough to hold it.
  const hasHigh =
    bytes.length > oldInodeBytes &&
    oldInodeBytes + view.getUint16(fieldAt.extraBytes, true) >= fieldAt.checksumHigh + 2;
  const high = hasHigh ? view.getUint16(fieldAt.checksumHigh, true) : 0;
  // The fields themselves count as zeros.
  let sum = inodeChecksumSeed(geometry, inode);
  sum = crc32c(sum, bytes, 0, fieldAt.checksumLow);
  sum = crc32c(sum, twoZeros);
  if (hasHigh) {
    sum = crc32c(sum, bytes, fieldAt.checksumLow + 2, fieldAt.checksumHigh);
    sum = crc32c(sum, twoZeros);
    sum = crc32c(sum, bytes, fieldAt.checksumHigh + 2);
    return sum === high * 0x10000 + low;
  }
  return (crc32c(sum, bytes, fieldAt.checksumLow + 2) & 0xffff) === low;
}

const twoZeros = new Uint8Array(2);

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
