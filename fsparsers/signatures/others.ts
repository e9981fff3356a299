/** File systems of media and of other or older systems: recognised and named, but copied completely. */

import { layout } from '../layout.js';
import {
  firstDoubt,
  isPowerOfTwo,
  text,
  tooLarge,
  uuid,
  type SignatureRule,
  type View,
} from './rule.js';

/** ECMA-119 section 8.4, primary volume descriptor. */
const isoDescriptor = layout('little', {
  type: [0, 'u8'],
  label: [40, 'bytes:32'],
  blocks: [80, 'u32'],
  blockSize: [128, 'u16'],
  rootExtraBlocks: [157, 'u8'],
  rootBlock: [158, 'u32'],
});

/**
 * Section 9.1: a directory begins with a record of itself. A descriptor that is part of an image inside a
 * file refers to another offset, because it counts from the beginning of the volume.
 */
async function hasRoot(view: View, descriptor: Uint8Array): Promise<boolean> {
  const { rootBlock: block, rootExtraBlocks, blockSize } = isoDescriptor.decode(descriptor);
  const record = await view.read((block + rootExtraBlocks) * blockSize, 34);
  if (record === null) return false;
  const self = new DataView(record.buffer, record.byteOffset, record.length).getUint32(2, true);
  return (record[0] ?? 0) >= 34 && record[32] === 1 && record[33] === 0 && self === block;
}

const iso9660: SignatureRule = {
  type: 'iso9660',
  family: 'iso9660',
  kind: 'filesystem',
  places: [32768],
  magics: [{ at: 1, bytes: 'CD001' }],
  structureBytes: 2048,
  async describe(bytes, _place, view) {
    const descriptor = isoDescriptor.decode(bytes);
    const sizeBytes = descriptor.blocks * descriptor.blockSize;
    return {
      label: text(descriptor.label),
      sizeBytes,
      doubt: firstDoubt(
        [descriptor.type !== 1, 'it does not begin with a primary volume descriptor'],
        [
          !isPowerOfTwo(descriptor.blockSize, 512, 2048),
          `its block size is ${descriptor.blockSize}`,
        ],
        tooLarge(sizeBytes, view.deviceBytes),
        [!(await hasRoot(view, bytes)), 'its root directory is not where it says'],
      ),
    };
  },
};

/** ECMA-167 section 3/7.2: a descriptor tag carries a byte sum of itself. */
function isUdfTag(bytes: Uint8Array, identifier: number): boolean {
  const sum = bytes
    .subarray(0, 16)
    .reduce((total, byte, at) => (at === 4 ? total : total + byte), 0);
  return bytes[0] === identifier && bytes[1] === 0 && (sum & 0xff) === bytes[4];
}

const udf: SignatureRule = {
  type: 'udf',
  family: 'udf',
  kind: 'filesystem',
  // The volume recognition sequence: one descriptor per 2 KiB (or per sector, if that is larger).
  places: Array.from({ length: 16 }, (_, index) => 32768 + 2048 * index),
  magics: [
    { at: 1, bytes: 'NSR02' },
    { at: 1, bytes: 'NSR03' },
  ],
  structureBytes: 2048,
  async describe(_bytes, _place, view) {
    for (const sectorBytes of [512, 1024, 2048, 4096]) {
      const anchor = await view.read(256 * sectorBytes, 16);
      if (anchor !== null && isUdfTag(anchor, 2)) return {};
    }
    return { doubt: 'it has no anchor volume descriptor in sector 256' };
  },
};

/** Linux fs/squashfs/squashfs_fs.h, struct squashfs_super_block. */
const squashfsSuperblock = layout('little', {
  blockSize: [12, 'u32'],
  blockLog: [22, 'u16'],
  major: [28, 'u16'],
  bytesUsed: [40, 'u64'],
});

const squashfs: SignatureRule = {
  type: 'squashfs',
  family: 'squashfs',
  kind: 'filesystem',
  places: [0],
  magics: [{ at: 0, bytes: 'hsqs' }],
  structureBytes: 96,
  describe(bytes, _place, view) {
    const superblock = squashfsSuperblock.decode(bytes);
    return {
      sizeBytes: superblock.bytesUsed,
      doubt: firstDoubt(
        [superblock.major !== 4, `its version is ${superblock.major}`],
        [
          superblock.blockSize !== 2 ** superblock.blockLog,
          'its block size and logarithm disagree',
        ],
        tooLarge(superblock.bytesUsed, view.deviceBytes),
      ),
    };
  },
};

/** Linux fs/erofs/erofs_fs.h, struct erofs_super_block. */
const erofsSuperblock = layout('little', {
  blockBits: [12, 'u8'],
  blocks: [36, 'u32'],
  uuid: [48, 'bytes:16'],
  label: [64, 'bytes:16'],
});

const erofs: SignatureRule = {
  type: 'erofs',
  family: 'erofs',
  kind: 'filesystem',
  places: [1024],
  magics: [{ at: 0, bytes: '\xe2\xe1\xf5\xe0' }],
  structureBytes: 128,
  describe(bytes, _place, view) {
    const superblock = erofsSuperblock.decode(bytes);
    const sizeBytes = superblock.blocks * 2 ** superblock.blockBits;
    return {
      label: text(superblock.label),
      uuid: uuid(superblock.uuid),
      sizeBytes,
      doubt: firstDoubt(
        [
          superblock.blockBits < 9 || superblock.blockBits > 16,
          `its block size is 2^${superblock.blockBits}`,
        ],
        tooLarge(sizeBytes, view.deviceBytes),
      ),
    };
  },
};

/** Linux fs/jfs/jfs_superblock.h, struct jfs_superblock. */
const jfsSuperblock = layout('little', {
  sectors: [8, 'u64'],
  blockSize: [16, 'u32'],
  blockLog: [20, 'u16'],
  sectorSize: [24, 'u32'],
  uuid: [136, 'bytes:16'],
  label: [152, 'bytes:16'],
});

const jfs: SignatureRule = {
  type: 'jfs',
  family: 'jfs',
  kind: 'filesystem',
  places: [32768],
  magics: [{ at: 0, bytes: 'JFS1' }],
  structureBytes: 512,
  describe(bytes, _place, view) {
    const superblock = jfsSuperblock.decode(bytes);
    const sizeBytes = superblock.sectors * superblock.sectorSize;
    return {
      label: text(superblock.label),
      uuid: uuid(superblock.uuid),
      sizeBytes,
      doubt: firstDoubt(
        [
          superblock.blockSize !== 2 ** superblock.blockLog,
          'its block size and logarithm disagree',
        ],
        [
          !isPowerOfTwo(superblock.sectorSize, 512, 4096),
          `its sector size is ${superblock.sectorSize}`,
        ],
        tooLarge(sizeBytes, view.deviceBytes),
      ),
    };
  },
};

/** Linux fs/reiserfs/reiserfs.h, struct reiserfs_super_block. */
const reiserfsSuperblock = layout('little', {
  blocks: [0, 'u32'],
  blockSize: [44, 'u16'],
  uuid: [84, 'bytes:16'],
  label: [100, 'bytes:16'],
});

const reiserfs: SignatureRule = {
  type: 'reiserfs',
  family: 'reiserfs',
  kind: 'filesystem',
  places: [65536, 8192],
  magics: [
    { at: 52, bytes: 'ReIsErFs' },
    { at: 52, bytes: 'ReIsEr2Fs' },
    { at: 52, bytes: 'ReIsEr3Fs' },
  ],
  structureBytes: 204,
  describe(bytes, _place, view) {
    const superblock = reiserfsSuperblock.decode(bytes);
    const sizeBytes = superblock.blocks * superblock.blockSize;
    return {
      label: text(superblock.label),
      uuid: uuid(superblock.uuid),
      sizeBytes,
      doubt: firstDoubt(
        [
          !isPowerOfTwo(superblock.blockSize, 512, 65536),
          `its block size is ${superblock.blockSize}`,
        ],
        tooLarge(sizeBytes, view.deviceBytes),
      ),
    };
  },
};

/** Linux include/uapi/linux/minix_fs.h, struct minix_super_block and minix3_super_block. */
const minixSuperblock = layout('little', {
  inodes: [0, 'u16'],
  zones: [2, 'u16'],
  inodeMapBlocks: [4, 'u16'],
  zoneMapBlocks: [6, 'u16'],
  firstDataZone: [8, 'u16'],
  logZoneSize: [10, 'u16'],
  zonesOf2: [20, 'u32'],
});

const minix: SignatureRule = {
  type: 'minix',
  family: 'minix',
  kind: 'filesystem',
  places: [1024],
  magics: ['\x7f\x13', '\x8f\x13', '\x68\x24', '\x78\x24'].map((bytes) => ({ at: 16, bytes })),
  structureBytes: 512,
  describe(bytes, _place, view) {
    const superblock = minixSuperblock.decode(bytes);
    const zones = bytes[17] === 0x13 ? superblock.zones : superblock.zonesOf2;
    const mapBlocks = superblock.inodeMapBlocks + superblock.zoneMapBlocks;
    // A magic number of two bytes: the sizes of the maps must match, or it is chance.
    const isFit =
      superblock.inodes > 0 &&
      zones > 0 &&
      superblock.logZoneSize === 0 &&
      superblock.inodeMapBlocks * 8192 >= superblock.inodes &&
      superblock.zoneMapBlocks * 8192 + superblock.firstDataZone >= zones &&
      superblock.firstDataZone > mapBlocks;
    if (!isFit) return null;
    return { sizeBytes: zones * 1024, doubt: firstDoubt(tooLarge(zones * 1024, view.deviceBytes)) };
  },
};

interface NamedMagic {
  readonly type: string;
  readonly places: readonly number[];
  readonly at: number;
  readonly bytes: string;
  readonly family?: string;
}

/** Recognised by a magic number that is long enough to be reliable. */
const named: readonly NamedMagic[] = [
  { type: 'reiser4', places: [65536], at: 0, bytes: 'ReIsEr4' },
  { type: 'cramfs', places: [0, 512], at: 16, bytes: 'Compressed ROMFS' },
  { type: 'romfs', places: [0], at: 0, bytes: '-rom1fs-' },
  { type: 'hfsplus', places: [1024], at: 0, bytes: 'H+\0\x04' },
  { type: 'hfsplus', places: [1024], at: 0, bytes: 'HX\0\x05' },
  { type: 'apfs', places: [0], at: 32, bytes: 'NXSB' },
  { type: 'ocfs2', places: [1024, 2048, 4096, 8192], at: 0, bytes: 'OCFSV2' },
  { type: 'gfs2', places: [65536], at: 0, bytes: '\x01\x16\x19\x70\0\0\0\x01' },
  { type: 'ufs', places: [65536, 8192, 262144], at: 1372, bytes: '\x19\x01\x54\x19' },
  { type: 'ufs', places: [65536, 8192, 262144], at: 1372, bytes: '\x19\x54\x01\x19' },
  { type: 'VMFS', places: [2097152], at: 0, bytes: '\x5e\xf1\xab\x2f' },
  {
    type: 'bcachefs',
    places: [4096],
    at: 24,
    bytes: '\xc6\x85\x73\xf6\x66\xce\x90\xa9\xd9\x6a\x60\xcf\x80\x3d\xf7\xef',
  },
];

function namedRule({ type, places, at, bytes, family = type }: NamedMagic): SignatureRule {
  return {
    type,
    family,
    kind: 'filesystem',
    places,
    magics: [{ at, bytes }],
    structureBytes: at + bytes.length,
    describe: () => ({}),
  };
}

export const otherRules: readonly SignatureRule[] = [
  iso9660,
  udf,
  squashfs,
  erofs,
  jfs,
  reiserfs,
  minix,
  ...named.map(namedRule),
];
