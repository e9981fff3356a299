/** Linux's own disk file systems that have a parser here, or that volumes commonly hold. */

import { crc32c, crc32Raw } from '../checksum.js';
import { layout } from '../layout.js';
import {
  firstDoubt,
  isPowerOfTwo,
  text,
  tooLarge,
  uuid,
  withZeroes,
  type SignatureRule,
} from './rule.js';

/** Linux fs/ext4/ext4.h, struct ext4_super_block. */
const extSuperblock = layout('little', {
  blocksLow: [4, 'u32'],
  firstDataBlock: [20, 'u32'],
  logBlockSize: [24, 'u32'],
  blocksPerGroup: [32, 'u32'],
  inodesPerGroup: [40, 'u32'],
  groupNumber: [90, 'u16'],
  compat: [92, 'u32'],
  incompat: [96, 'u32'],
  roCompat: [100, 'u32'],
  uuid: [104, 'bytes:16'],
  label: [120, 'bytes:16'],
  lastMounted: [136, 'bytes:64'],
  blocksHigh: [336, 'u32'],
  checksum: [1020, 'u32'],
});

const extFeature = {
  hasJournal: 0x4,
  journalDevice: 0x8,
  bit64: 0x80,
  metadataChecksum: 0x400,
  /** What ext3 knows: anything else makes it ext4. */
  incompatOfExt3: 0x2 | 0x4 | 0x10,
  roCompatOfExt3: 0x1 | 0x2 | 0x4,
} as const;

function extType({
  compat,
  incompat,
  roCompat,
}: Record<'compat' | 'incompat' | 'roCompat', number>) {
  if (incompat & extFeature.journalDevice) return 'jbd';
  const isExt4 =
    (incompat & ~extFeature.incompatOfExt3) !== 0 || (roCompat & ~extFeature.roCompatOfExt3) !== 0;
  if (isExt4) return 'ext4';
  return compat & extFeature.hasJournal ? 'ext3' : 'ext2';
}

const ext: SignatureRule = {
  type: 'ext4',
  family: 'ext',
  kind: 'filesystem',
  places: [1024],
  magics: [{ at: 56, bytes: '\x53\xef' }],
  structureBytes: 1024,
  describe(bytes, _place, view) {
    const superblock = extSuperblock.decode(bytes);
    const blockBytes = superblock.logBlockSize <= 6 ? 1024 << superblock.logBlockSize : 0;
    const blocks =
      superblock.blocksLow +
      (superblock.incompat & extFeature.bit64 ? superblock.blocksHigh : 0) * 2 ** 32;
    const isJournal = (superblock.incompat & extFeature.journalDevice) !== 0;
    const hasChecksum = (superblock.roCompat & extFeature.metadataChecksum) !== 0;
    return {
      type: extType(superblock),
      label: text(superblock.label),
      uuid: uuid(superblock.uuid),
      sizeBytes: blocks * blockBytes,
      lastMounted: text(superblock.lastMounted),
      doubt: firstDoubt(
        [blockBytes === 0, `its block size is 2^${superblock.logBlockSize} KiB`],
        [blocks === 0, 'it has no blocks'],
        [!isJournal && superblock.inodesPerGroup === 0, 'it has no inodes'],
        [!isJournal && superblock.blocksPerGroup === 0, 'its groups have no blocks'],
        [superblock.firstDataBlock >= blocks, 'its first data block lies behind its last block'],
        [
          superblock.groupNumber !== 0,
          `it is the copy that belongs to group ${superblock.groupNumber}`,
        ],
        tooLarge(blocks * blockBytes, view.deviceBytes),
        [
          hasChecksum && crc32c(0xffffffff, bytes.subarray(0, 1020)) !== superblock.checksum,
          'its checksum does not match',
        ],
      ),
    };
  },
};

/** Linux fs/xfs/libxfs/xfs_format.h, struct xfs_dsb. */
const xfsSuperblock = layout('big', {
  blockSize: [4, 'u32'],
  dataBlocks: [8, 'u64'],
  uuid: [32, 'bytes:16'],
  agBlocks: [84, 'u32'],
  agCount: [88, 'u32'],
  version: [100, 'u16'],
  sectorSize: [102, 'u16'],
  label: [108, 'bytes:12'],
  blockLog: [120, 'u8'],
  inProgress: [126, 'u8'],
});

/** sb_crc, the one little-endian field, over the whole sector. */
const xfsChecksumAt = 224;

const xfs: SignatureRule = {
  type: 'xfs',
  family: 'xfs',
  kind: 'filesystem',
  places: [0],
  magics: [{ at: 0, bytes: 'XFSB' }],
  structureBytes: 512,
  async describe(bytes, place, view) {
    const superblock = xfsSuperblock.decode(bytes);
    const { blockSize, dataBlocks, agBlocks, agCount, sectorSize } = superblock;
    const version = superblock.version & 0xf;
    const sector = isPowerOfTwo(sectorSize, 512, 32768) ? await view.read(place, sectorSize) : null;
    const isDamaged = () => {
      if (version !== 5 || sector === null) return false;
      const stored = new DataView(sector.buffer, sector.byteOffset).getUint32(xfsChecksumAt, true);
      return ~crc32c(0xffffffff, withZeroes(sector, xfsChecksumAt, 4)) >>> 0 !== stored;
    };
    return {
      label: text(superblock.label),
      uuid: uuid(superblock.uuid),
      sizeBytes: dataBlocks * blockSize,
      doubt: firstDoubt(
        [!isPowerOfTwo(blockSize, 512, 65536), `its block size is ${blockSize}`],
        [blockSize !== 2 ** superblock.blockLog, 'its block size and its logarithm disagree'],
        [sector === null, `its sector size is ${sectorSize}`],
        [version < 4 || version > 5, `its version is ${version}`],
        [superblock.inProgress !== 0, 'its mkfs did not finish'],
        [
          dataBlocks > agCount * agBlocks || dataBlocks <= (agCount - 1) * agBlocks,
          `its ${dataBlocks} blocks do not fill ${agCount} groups of ${agBlocks}`,
        ],
        tooLarge(dataBlocks * blockSize, view.deviceBytes),
        [isDamaged(), 'its checksum does not match'],
      ),
    };
  },
};

/** Linux include/uapi/linux/btrfs_tree.h, struct btrfs_super_block. */
const btrfsSuperblock = layout('little', {
  checksum: [0, 'u32'],
  fsid: [32, 'bytes:16'],
  address: [48, 'u64'],
  totalBytes: [112, 'u64'],
  sectorSize: [144, 'u32'],
  nodeSize: [148, 'u32'],
  checksumType: [196, 'u16'],
  deviceBytes: [209, 'u64'],
  label: [299, 'bytes:256'],
});

const btrfs: SignatureRule = {
  type: 'btrfs',
  family: 'btrfs',
  kind: 'filesystem',
  places: [65536],
  copies: [64 * 1024 ** 2, 256 * 1024 ** 3],
  magics: [{ at: 64, bytes: '_BHRfS_M' }],
  structureBytes: 4096,
  describe(bytes, place, view) {
    const superblock = btrfsSuperblock.decode(bytes);
    const isCrc32c = superblock.checksumType === 0;
    return {
      label: text(superblock.label),
      uuid: uuid(superblock.fsid),
      sizeBytes: superblock.deviceBytes,
      doubt: firstDoubt(
        [superblock.address !== place, `it says that it lies at byte ${superblock.address}`],
        [
          !isPowerOfTwo(superblock.sectorSize, 512, 65536),
          `its sector size is ${superblock.sectorSize}`,
        ],
        [!isPowerOfTwo(superblock.nodeSize, 512, 65536), `its node size is ${superblock.nodeSize}`],
        tooLarge(superblock.deviceBytes, view.deviceBytes),
        [
          isCrc32c && ~crc32c(0xffffffff, bytes.subarray(32)) >>> 0 !== superblock.checksum,
          'its checksum does not match',
        ],
      ),
    };
  },
};

/** Linux include/linux/f2fs_fs.h, struct f2fs_super_block. */
const f2fsSuperblock = layout('little', {
  logSectorSize: [8, 'u32'],
  logBlockSize: [16, 'u32'],
  blockCount: [36, 'u64'],
  uuid: [108, 'bytes:16'],
  label: [124, 'bytes:1024'],
});

const f2fs: SignatureRule = {
  type: 'f2fs',
  family: 'f2fs',
  kind: 'filesystem',
  places: [1024, 4096 + 1024],
  magics: [{ at: 0, bytes: '\x10\x20\xf5\xf2' }],
  structureBytes: 1024 + 124,
  describe(bytes, _place, view) {
    const superblock = f2fsSuperblock.decode(bytes);
    const blockBytes = 2 ** superblock.logBlockSize;
    const label = new TextDecoder('utf-16le').decode(superblock.label).split('\0')[0];
    return {
      label: label === undefined || label === '' ? null : label,
      uuid: uuid(superblock.uuid),
      sizeBytes: superblock.blockCount * blockBytes,
      doubt: firstDoubt(
        [!isPowerOfTwo(blockBytes, 4096, 65536), `its block size is 2^${superblock.logBlockSize}`],
        [superblock.logSectorSize > 16, `its sector size is 2^${superblock.logSectorSize}`],
        [superblock.blockCount === 0, 'it has no blocks'],
        tooLarge(superblock.blockCount * blockBytes, view.deviceBytes),
      ),
    };
  },
};

/** Linux include/uapi/linux/nilfs2_ondisk.h, struct nilfs_super_block. */
const nilfsSuperblock = layout('little', {
  bytes: [8, 'u16'],
  checksumSeed: [12, 'u32'],
  checksum: [16, 'u32'],
  deviceBytes: [32, 'u64'],
  uuid: [152, 'bytes:16'],
  label: [168, 'bytes:80'],
});

const nilfs2: SignatureRule = {
  type: 'nilfs2',
  family: 'nilfs2',
  kind: 'filesystem',
  // The second superblock lies in the last whole 4 KiB of the device.
  places: (deviceBytes) => [1024, Math.floor(deviceBytes / 512 - 8) * 512],
  magics: [{ at: 6, bytes: '\x34\x34' }],
  structureBytes: 1024,
  describe(bytes, _place, view) {
    const superblock = nilfsSuperblock.decode(bytes);
    if (superblock.bytes < nilfsSuperblock.sizeBytes || superblock.bytes > bytes.length)
      return null;
    const summed = withZeroes(bytes.subarray(0, superblock.bytes), 16, 4);
    // A magic number of two bytes: only its checksum makes it more than chance.
    if (crc32Raw(superblock.checksumSeed, summed) !== superblock.checksum) return null;
    return {
      label: text(superblock.label),
      uuid: uuid(superblock.uuid),
      sizeBytes: superblock.deviceBytes,
      doubt: firstDoubt(tooLarge(superblock.deviceBytes, view.deviceBytes)),
    };
  },
};

export const linuxRules: readonly SignatureRule[] = [ext, xfs, btrfs, f2fs, nilfs2];
