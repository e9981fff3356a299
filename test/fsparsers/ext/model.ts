/**
 * A tiny model of an ext2/3/4 volume: which blocks are used, written out as an image by rules of its
 * own, so that layouts are tried that mke2fs would never make.
 */

import fc from 'fast-check';
import { crc16, crc32c } from '../../../fsparsers/checksum.js';

export interface Model {
  readonly blockBytes: number;
  readonly blocksPerCluster: number;
  readonly clustersPerGroup: number;
  readonly groups: readonly ModelGroup[];
  /** Blocks that the last group lacks. */
  readonly missingBlocks: number;
  readonly inodesPerGroup: number;
  readonly reservedGdtBlocks: number;
  readonly wide: boolean;
  readonly checksums: 'none' | 'uninit_bg' | 'metadata_csum';
  readonly trailingBytes: number;
}

export interface ModelGroup {
  /** The bitmap is not written: it holds garbage. */
  readonly uninit: boolean;
  /** Picks the used data clusters: bit n of it stands for every cluster with number n modulo 32. */
  readonly pattern: number;
}

/** The only groups, of the few there are here, that have a backup under sparse_super. */
const backups = new Set([0, 1, 3, 5, 7, 9]);

export const models: fc.Arbitrary<Model> = fc
  .record({
    logBlock: fc.integer({ min: 0, max: 6 }),
    blocksPerCluster: fc.constantFrom(1, 1, 1, 2, 16),
    clustersPerGroup: fc.integer({ min: 8, max: 40 }).map((eighths) => eighths * 8),
    groups: fc.array(
      fc.record({ uninit: fc.boolean(), pattern: fc.integer({ min: 0, max: 2 ** 31 }) }),
      { minLength: 1, maxLength: 11 },
    ),
    missing: fc.nat(40),
    inodesPerGroup: fc.constantFrom(8, 16, 64),
    reservedGdtBlocks: fc.constantFrom(0, 1, 3),
    wide: fc.boolean(),
    checksums: fc.constantFrom('none', 'uninit_bg', 'metadata_csum'),
    trailingBytes: fc.constantFrom(0, 1, 511, 70_000),
  })
  .map(({ logBlock, missing, ...rest }) => ({
    ...rest,
    blockBytes: 1024 << logBlock,
    // The last group still holds its metadata.
    missingBlocks: Math.min(missing, rest.clustersPerGroup * rest.blocksPerCluster - 30),
  }));

const seed = 0x5eed1234;
const uuid = Buffer.from('00112233445566778899aabbccddeeff', 'hex');

/** The image of a model and the blocks that are free in it. */
export function writeModel(model: Model): { image: Buffer; freeBlocks: Set<number> } {
  const { blockBytes, blocksPerCluster, clustersPerGroup, groups } = model;
  const blocksPerGroup = clustersPerGroup * blocksPerCluster;
  const firstDataBlock = blockBytes * blocksPerCluster === 1024 ? 1 : 0;
  const superblockBlock = blockBytes === 1024 ? 1 : 0;
  const blocksCount = firstDataBlock + groups.length * blocksPerGroup - model.missingBlocks;
  const image = Buffer.alloc(blocksCount * blockBytes + model.trailingBytes);
  const descriptorBytes = model.wide ? 64 : 32;
  const freeBlocks = new Set<number>();
  let freeClusters = 0;

  for (const [number, group] of groups.entries()) {
    const start = firstDataBlock + number * blocksPerGroup;
    const end = Math.min(start + blocksPerGroup, blocksCount);
    let next = number === 0 ? superblockBlock : start;
    // All descriptors fit in one block: 11 of 64 bytes.
    if (backups.has(number)) next += 2 + model.reservedGdtBlocks;
    const [blockBitmap, inodeBitmap, inodeTable] = [next, next + 1, next + 2];
    next += 2 + Math.ceil((model.inodesPerGroup * 128) / blockBytes);
    const uninit = group.uninit && model.checksums !== 'none';
    const clusters = Math.ceil((end - start) / blocksPerCluster);
    const bitmap = image.subarray(blockBitmap * blockBytes, (blockBitmap + 1) * blockBytes);
    bitmap.fill(0xff);
    let free = 0;
    for (let cluster = 0; cluster < clusters; cluster++) {
      const first = start + cluster * blocksPerCluster;
      const hasData = !uninit && ((group.pattern >>> (cluster % 32)) & 1) === 1;
      if (first < next || hasData) continue;
      free++;
      bitmap[cluster >>> 3] = (bitmap[cluster >>> 3] ?? 0) & ~(1 << (cluster & 7));
      for (let block = first; block < Math.min(first + blocksPerCluster, end); block++) {
        freeBlocks.add(block);
      }
    }
    if (uninit) bitmap.fill(group.pattern & 0xff);
    freeClusters += free;
    const at = (superblockBlock + 1) * blockBytes + number * descriptorBytes;
    const descriptor = image.subarray(at, at + descriptorBytes);
    descriptor.writeUInt32LE(blockBitmap, 0);
    descriptor.writeUInt32LE(inodeBitmap, 4);
    descriptor.writeUInt32LE(inodeTable, 8);
    descriptor.writeUInt16LE(free, 0x0c);
    descriptor.writeUInt16LE(uninit ? 2 : 0, 0x12);
    sealGroup(model, number, descriptor, bitmap);
  }
  writeSuperblock(model, image, { blocksCount, firstDataBlock, freeClusters, blocksPerGroup });
  return { image, freeBlocks };
}

/** Puts right the checksums of a descriptor and its bitmap. */
function sealGroup(model: Model, number: number, descriptor: Buffer, bitmap: Buffer): void {
  const group = Buffer.alloc(4);
  group.writeUInt32LE(number);
  if (model.checksums === 'metadata_csum') {
    const sum = crc32c(seed, bitmap.subarray(0, model.clustersPerGroup / 8));
    descriptor.writeUInt16LE(sum & 0xffff, 0x18);
    if (model.wide) descriptor.writeUInt16LE(sum >>> 16, 0x38);
    const inodes = crc32c(seed, new Uint8Array(model.inodesPerGroup / 8));
    descriptor.writeUInt16LE(inodes & 0xffff, 0x1a);
    if (model.wide) descriptor.writeUInt16LE(inodes >>> 16, 0x3a);
    descriptor.writeUInt16LE(crc32c(crc32c(seed, group), descriptor) & 0xffff, 0x1e);
  }
  if (model.checksums === 'uninit_bg') {
    const before = crc16(crc16(crc16(0xffff, uuid), group), descriptor.subarray(0, 0x1e));
    descriptor.writeUInt16LE(crc16(before, descriptor.subarray(0x20)), 0x1e);
  }
}

function writeSuperblock(
  model: Model,
  image: Buffer,
  numbers: {
    blocksCount: number;
    firstDataBlock: number;
    freeClusters: number;
    blocksPerGroup: number;
  },
): void {
  const superblock = image.subarray(1024, 2048);
  const u32 = (at: number, value: number) => superblock.writeUInt32LE(value >>> 0, at);
  const u16 = (at: number, value: number) => superblock.writeUInt16LE(value, at);
  const hasBigalloc = model.blocksPerCluster > 1;
  u32(0x00, model.groups.length * model.inodesPerGroup);
  u32(0x04, numbers.blocksCount);
  u32(0x0c, numbers.freeClusters * model.blocksPerCluster);
  u32(0x14, numbers.firstDataBlock);
  u32(0x18, Math.log2(model.blockBytes / 1024));
  u32(0x1c, Math.log2((model.blockBytes * model.blocksPerCluster) / 1024));
  u32(0x20, numbers.blocksPerGroup);
  u32(0x24, model.clustersPerGroup);
  u32(0x28, model.inodesPerGroup);
  u16(0x38, 0xef53);
  u16(0x3a, 1);
  u32(0x4c, 1);
  u32(0x54, 11);
  u16(0x58, 128);
  u32(0x60, 0x2002 | (model.wide ? 0x80 : 0));
  const checksumBit = { none: 0, uninit_bg: 0x10, metadata_csum: 0x400 }[model.checksums];
  u32(0x64, 1 | checksumBit | (hasBigalloc ? 0x200 : 0));
  uuid.copy(superblock, 0x68);
  u16(0xce, model.reservedGdtBlocks);
  u16(0xfe, model.wide ? 64 : 0);
  superblock[0x175] = 1;
  u32(0x270, seed);
  u32(0x3fc, crc32c(0xffffffff, superblock.subarray(0, 0x3fc)));
}
