/**
 * The ext2/3/4 superblock: its position, its fields, and whether it is valid. Source of the layout: Linux
 * fs/ext4/ext4.h, struct ext4_super_block.
 */

import { crc32c } from '../checksum.js';
import { ParseError } from '../errors.js';
import type { ParseErrorCode } from '../errors.js';
import { layout } from '../layout.js';
import type { Decoded } from '../layout.js';
import { readStructure } from '../reader.js';
import type { ByteReader } from '../reader.js';
import { featureNames } from './features.js';
import type { FeatureName } from './features.js';

/** The first superblock begins here, whatever the block size. */
export const superblockOffsetBytes = 1024;
export const superblockBytes = 1024;
const checksumAt = 0x3fc;
const magic = 0xef53;

export const superblockLayout = layout('little', {
  inodesCount: [0x000, 'u32'],
  blocksCountLow: [0x004, 'u32'],
  freeBlocksCountLow: [0x00c, 'u32'],
  freeInodesCount: [0x010, 'u32'],
  firstDataBlock: [0x014, 'u32'],
  logBlockSize: [0x018, 'u32'],
  logClusterSize: [0x01c, 'u32'],
  blocksPerGroup: [0x020, 'u32'],
  clustersPerGroup: [0x024, 'u32'],
  inodesPerGroup: [0x028, 'u32'],
  writeTime: [0x030, 'u32'],
  magic: [0x038, 'u16'],
  state: [0x03a, 'u16'],
  creatorOs: [0x048, 'u32'],
  revision: [0x04c, 'u32'],
  firstInode: [0x054, 'u32'],
  inodeSize: [0x058, 'u16'],
  blockGroup: [0x05a, 'u16'],
  featureCompat: [0x05c, 'u32'],
  featureIncompat: [0x060, 'u32'],
  featureRoCompat: [0x064, 'u32'],
  uuid: [0x068, 'bytes:16'],
  label: [0x078, 'bytes:16'],
  reservedGdtBlocks: [0x0ce, 'u16'],
  journalUuid: [0x0d0, 'bytes:16'],
  journalInode: [0x0e0, 'u32'],
  journalDevice: [0x0e4, 'u32'],
  lastOrphan: [0x0e8, 'u32'],
  journalBackupType: [0x0fd, 'u8'],
  descriptorSize: [0x0fe, 'u16'],
  firstMetaBlockGroup: [0x104, 'u32'],
  /** A copy of the journal inode's i_block (15 words) and size (high, low). */
  journalBackup: [0x10c, 'bytes:68'],
  blocksCountHigh: [0x150, 'u32'],
  freeBlocksCountHigh: [0x158, 'u32'],
  flags: [0x160, 'u32'],
  mmpUpdateInterval: [0x166, 'u16'],
  mmpBlock: [0x168, 'u64'],
  logGroupsPerFlex: [0x174, 'u8'],
  checksumType: [0x175, 'u8'],
  errorCount: [0x194, 'u32'],
  backupGroup0: [0x24c, 'u32'],
  backupGroup1: [0x250, 'u32'],
  checksumSeed: [0x270, 'u32'],
  orphanFileInode: [0x280, 'u32'],
  checksum: [checksumAt, 'u32'],
});

export type ExtSuperblockFields = Decoded<typeof superblockLayout.fields>;

/** Bits of `state`. */
export const stateBits = { valid: 1, errors: 2, orphans: 4 } as const;

export interface ExtSuperblock {
  readonly fields: ExtSuperblockFields;
  readonly features: readonly string[];
  readonly has: (feature: FeatureName) => boolean;
}

/** Decodes a superblock's 1024 bytes without checking them. */
export function decodeSuperblock(bytes: Uint8Array, at = 0): ExtSuperblock {
  const fields = superblockLayout.decode(bytes, at);
  const features = featureNames(fields);
  const set: ReadonlySet<string> = new Set(features);
  return { fields, features, has: (feature) => set.has(feature) };
}

/** A ParseError about the first superblock. */
export function superblockError(code: ParseErrorCode, what: string): ParseError {
  return new ParseError(code, what, {
    structure: 'superblock',
    offsetBytes: superblockOffsetBytes,
  });
}

/** Whether a superblock has its magic number; checks nothing else. */
export function hasMagic({ fields }: ExtSuperblock): boolean {
  return fields.magic === magic;
}

/**
 * Reads the first superblock. Rejects with ParseError: NOT_RECOGNISED where the magic number is not
 * there, CORRUPT where the checksum does not match.
 */
export async function readSuperblock(reader: ByteReader): Promise<ExtSuperblock> {
  const bytes = await readStructure(reader, 'superblock', superblockOffsetBytes, superblockBytes);
  const superblock = decodeSuperblock(bytes);
  if (!hasMagic(superblock)) {
    throw superblockError('NOT_RECOGNISED', `magic number is ${hex(superblock.fields.magic)}`);
  }
  if (superblock.has('metadata_csum')) verifyChecksum(superblock.fields, bytes);
  return superblock;
}

function verifyChecksum(fields: ExtSuperblockFields, bytes: Uint8Array): void {
  const crc32cType = 1;
  if (fields.checksumType !== crc32cType) {
    throw superblockError('UNSUPPORTED', `checksum type is ${fields.checksumType}`);
  }
  const computed = superblockChecksum(bytes);
  if (computed !== fields.checksum) {
    throw superblockError(
      'CORRUPT',
      `checksum is ${hex(fields.checksum)}, computed ${hex(computed)}`,
    );
  }
}

/** The checksum a superblock with metadata_csum must carry. */
export function superblockChecksum(bytes: Uint8Array): number {
  return crc32c(0xffffffff, bytes.subarray(0, checksumAt));
}

/** The seed of every other checksum of the file system. */
export function checksumSeedOf(superblock: ExtSuperblock): number {
  return superblock.has('metadata_csum_seed')
    ? superblock.fields.checksumSeed
    : crc32c(0xffffffff, superblock.fields.uuid);
}

/** A UUID in the usual notation, or null where it is all zeros. */
export function uuidText(bytes: Uint8Array): string | null {
  if (bytes.every((byte) => byte === 0)) return null;
  const digits = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return [8, 12, 16, 20, 32]
    .map((end, index, ends) => digits.slice(index === 0 ? 0 : ends[index - 1], end))
    .join('-');
}

/** A label without its padding, or null where there is none. Bytes that are no UTF-8 become U+FFFD. */
export function labelText(bytes: Uint8Array): string | null {
  const end = bytes.indexOf(0);
  const text = new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
  return text === '' ? null : text;
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}
