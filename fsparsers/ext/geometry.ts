/** The numbers that define the layout of an ext2/3/4 file system, checked once and used everywhere. */

import type { ExtSuperblock } from './superblock.js';
import { checksumSeedOf, superblockError } from './superblock.js';
import { unreadableFeatures } from './features.js';
import type { FeatureName } from './features.js';

export interface ExtGeometry {
  readonly superblock: ExtSuperblock;
  readonly blockBytes: number;
  /** A cluster is what one bit of a block bitmap stands for: a block, without bigalloc. */
  readonly clusterBytes: number;
  readonly blocksPerCluster: number;
  readonly blocksCount: number;
  /** The block group 0 begins with: 1 where blocks of 1 KiB leave block 0 to the boot sector. */
  readonly firstDataBlock: number;
  /** The block that holds the first superblock. */
  readonly superblockBlock: number;
  readonly groupsCount: number;
  readonly blocksPerGroup: number;
  readonly clustersPerGroup: number;
  readonly inodesCount: number;
  readonly inodesPerGroup: number;
  readonly inodeBytes: number;
  readonly inodeTableBlocks: number;
  readonly descriptorBytes: number;
  readonly descriptorsPerBlock: number;
  /** Blocks that all group descriptors fill together. */
  readonly descriptorBlocks: number;
  /** Descriptor blocks from this one on lie in their own meta block groups. */
  readonly firstMetaDescriptorBlock: number;
  readonly reservedGdtBlocks: number;
  readonly checksumSeed: number;
  readonly has: (feature: FeatureName) => boolean;
}

/**
 * Checks a superblock's numbers against each other and against the device, as the kernel's
 * ext4_fill_super does, and derives the geometry. Throws ParseError.
 */
export function geometryOf(superblock: ExtSuperblock, deviceBytes: number): ExtGeometry {
  const { features, has } = superblock;
  const unreadable = unreadableFeatures(features);
  if (unreadable.length > 0) {
    throw superblockError('UNSUPPORTED', `has features not known here: ${unreadable.join(', ')}`);
  }
  if (has('journal_dev')) {
    throw superblockError('UNSUPPORTED', 'is a journal device, not a file system');
  }
  const sizes = blockSizes(superblock);
  const blocksCount = checkedBlocksCount(superblock, sizes, deviceBytes);
  const groups = groupSizes(superblock, sizes, blocksCount);
  return {
    superblock,
    ...sizes,
    blocksCount,
    ...groups,
    ...descriptorSizes(superblock, sizes.blockBytes, groups.groupsCount),
    checksumSeed: checksumSeedOf(superblock),
    has,
  };
}

function check(holds: boolean, what: string): void {
  if (!holds) throw superblockError('CORRUPT', what);
}

function isPowerOfTwo(value: number): boolean {
  return value > 0 && (value & (value - 1)) === 0;
}

function blockSizes({ fields, has }: ExtSuperblock) {
  check(fields.logBlockSize <= 6, `block size is 2^${fields.logBlockSize} KiB`);
  const blockBytes = 1024 << fields.logBlockSize;
  // 2^30 bytes is the largest cluster of the kernel (EXT4_MAX_CLUSTER_LOG_SIZE).
  check(fields.logClusterSize <= 20, `cluster size is 2^${fields.logClusterSize} KiB`);
  const clusterBytes = 1024 * 2 ** fields.logClusterSize;
  check(
    has('bigalloc') ? clusterBytes >= blockBytes : clusterBytes === blockBytes,
    `cluster size is ${clusterBytes} with blocks of ${blockBytes} bytes`,
  );
  const firstDataBlock = clusterBytes === 1024 ? 1 : 0;
  check(
    fields.firstDataBlock === firstDataBlock,
    `first data block is ${fields.firstDataBlock} with clusters of ${clusterBytes} bytes`,
  );
  return {
    blockBytes,
    clusterBytes,
    blocksPerCluster: clusterBytes / blockBytes,
    firstDataBlock,
    superblockBlock: blockBytes === 1024 ? 1 : 0,
  };
}

function checkedBlocksCount(
  { fields, has }: ExtSuperblock,
  { blockBytes, superblockBlock }: ReturnType<typeof blockSizes>,
  deviceBytes: number,
): number {
  const high = has('64bit') ? fields.blocksCountHigh : 0;
  const blocksCount = high * 2 ** 32 + fields.blocksCountLow;
  check(blocksCount > superblockBlock, `blocks count is ${blocksCount}`);
  if (blocksCount > deviceBytes / blockBytes) {
    throw superblockError(
      'TRUNCATED',
      `the file system has ${blocksCount} blocks of ${blockBytes} bytes, ` +
        `but the device ends at byte ${deviceBytes}`,
    );
  }
  return blocksCount;
}

function groupSizes(
  { fields }: ExtSuperblock,
  { blockBytes, blocksPerCluster, firstDataBlock }: ReturnType<typeof blockSizes>,
  blocksCount: number,
) {
  const { blocksPerGroup, inodesPerGroup, inodesCount } = fields;
  const bitsPerBlock = 8 * blockBytes;
  const clustersPerGroup = blocksPerGroup / blocksPerCluster;
  check(
    clustersPerGroup >= 1 && clustersPerGroup <= bitsPerBlock && Number.isInteger(clustersPerGroup),
    `blocks per group is ${blocksPerGroup}`,
  );
  check(
    blocksPerCluster === 1 || clustersPerGroup === fields.clustersPerGroup,
    `clusters per group is ${fields.clustersPerGroup} with ${blocksPerGroup} blocks per group`,
  );
  const inodeBytes = fields.revision === 0 ? 128 : fields.inodeSize;
  check(
    isPowerOfTwo(inodeBytes) && inodeBytes >= 128 && inodeBytes <= blockBytes,
    `inode size is ${inodeBytes}`,
  );
  check(
    inodesPerGroup > 0 && inodesPerGroup <= bitsPerBlock,
    `inodes per group is ${inodesPerGroup}`,
  );
  const inodeTableBlocks = Math.ceil((inodesPerGroup * inodeBytes) / blockBytes);
  const groupsCount = Math.ceil((blocksCount - firstDataBlock) / blocksPerGroup);
  check(
    groupsCount * inodesPerGroup === inodesCount,
    `inodes count is ${inodesCount} with ${groupsCount} groups of ${inodesPerGroup}`,
  );
  return {
    groupsCount,
    blocksPerGroup,
    clustersPerGroup,
    inodesCount,
    inodesPerGroup,
    inodeBytes,
    inodeTableBlocks,
  };
}

function descriptorSizes({ fields, has }: ExtSuperblock, blockBytes: number, groupsCount: number) {
  const descriptorBytes = has('64bit') ? fields.descriptorSize : 32;
  check(
    !has('64bit') ||
      (isPowerOfTwo(descriptorBytes) && descriptorBytes >= 64 && descriptorBytes <= 1024),
    `group descriptor size is ${descriptorBytes}`,
  );
  const descriptorsPerBlock = blockBytes / descriptorBytes;
  const descriptorBlocks = Math.ceil(groupsCount / descriptorsPerBlock);
  check(
    fields.reservedGdtBlocks <= blockBytes / 4,
    `number of reserved group descriptor blocks is ${fields.reservedGdtBlocks}`,
  );
  check(
    !has('meta_bg') || fields.firstMetaBlockGroup <= descriptorBlocks,
    `first meta block group is ${fields.firstMetaBlockGroup} of ${descriptorBlocks}`,
  );
  return {
    descriptorBytes,
    descriptorsPerBlock,
    descriptorBlocks,
    firstMetaDescriptorBlock: has('meta_bg') ? fields.firstMetaBlockGroup : descriptorBlocks,
    reservedGdtBlocks: fields.reservedGdtBlocks,
  };
}

/** The first block of a group. */
export function groupStart(geometry: ExtGeometry, group: number): number {
  return geometry.firstDataBlock + group * geometry.blocksPerGroup;
}

/** The block after a group's last; the last group may be short. */
export function groupEnd(geometry: ExtGeometry, group: number): number {
  return Math.min(groupStart(geometry, group + 1), geometry.blocksCount);
}

/** The group whose blocks include `block`. */
export function groupOfBlock(geometry: ExtGeometry, block: number): number {
  return Math.floor((block - geometry.firstDataBlock) / geometry.blocksPerGroup);
}

/** Whether a group begins with a copy of the superblock (kernel: ext4_bg_has_super). */
export function hasSuperblock({ superblock, has }: ExtGeometry, group: number): boolean {
  if (group === 0) return true;
  if (has('sparse_super2')) {
    return group === superblock.fields.backupGroup0 || group === superblock.fields.backupGroup1;
  }
  if (group === 1 || !has('sparse_super')) return true;
  return [3, 5, 7].some((base) => isPowerOf(base, group));
}

function isPowerOf(base: number, value: number): boolean {
  let power = base;
  while (power < value) power *= base;
  return power === value;
}

/** Where a group's copies of the superblock and of group descriptors begin: its first block, but never block 0 of 1 KiB. */
export function groupHead(geometry: ExtGeometry, group: number): number {
  return group === 0 ? geometry.superblockBlock : groupStart(geometry, group);
}
