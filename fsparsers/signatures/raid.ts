/** Members of RAID sets: Linux MD in all its formats, and firmware RAID. */

import { layout } from '../layout.js';
import { firstDoubt, text, uuid, withZeroes, type SignatureRule } from './rule.js';

/** Linux include/uapi/linux/raid/md_p.h, struct mdp_superblock_1. */
const mdSuperblock1 = layout('little', {
  major: [4, 'u32'],
  uuid: [16, 'bytes:16'],
  name: [32, 'bytes:32'],
  superSector: [144, 'u64'],
  checksum: [216, 'u32'],
  maxDevices: [220, 'u32'],
});

/** The kernel's sum (drivers/md/md.c, calc_sb_1_csum): 32-bit words, the carries folded in once. */
function foldedSum(bytes: Uint8Array, little: boolean): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let sum = 0;
  let at = 0;
  for (; at + 4 <= bytes.length; at += 4) sum += view.getUint32(at, little);
  if (at + 2 <= bytes.length) sum += view.getUint16(at, little);
  return ((sum % 2 ** 32) + Math.floor(sum / 2 ** 32)) >>> 0;
}

const md1: SignatureRule = {
  type: 'linux_raid_member',
  family: 'md',
  kind: 'container',
  // 1.2, 1.1, and 1.0: that one between 8 and 12 KiB before the end, on a 4 KiB boundary.
  places: (deviceBytes) => [4096, 0, Math.floor(deviceBytes / 4096) * 4096 - 8192],
  magics: [{ at: 0, bytes: '\xfc\x4e\x2b\xa9\x01\0\0\0' }],
  structureBytes: 4096,
  describe(bytes, place) {
    const superblock = mdSuperblock1.decode(bytes);
    const summedBytes = 256 + 2 * superblock.maxDevices;
    const isDamaged = () =>
      foldedSum(withZeroes(bytes.subarray(0, summedBytes), 216, 4), true) !== superblock.checksum;
    return {
      label: text(superblock.name),
      uuid: uuid(superblock.uuid),
      doubt: firstDoubt(
        [
          superblock.superSector !== place / 512,
          `it says that it lies in sector ${superblock.superSector}`,
        ],
        [summedBytes > 4096, `it lists ${superblock.maxDevices} devices`],
        [summedBytes <= 4096 && isDamaged(), 'its checksum does not match'],
      ),
    };
  },
};

/** Linux include/uapi/linux/raid/md_p.h, struct mdp_superblock_s, in the byte order of its host. */
const mdSuperblock0 = {
  uuidWords: [20, 52, 56, 60],
  sizeKib: 32,
  checksum: 152,
} as const;

const md0: SignatureRule = {
  type: 'linux_raid_member',
  family: 'md',
  kind: 'container',
  places: (deviceBytes) => [Math.floor(deviceBytes / 65536) * 65536 - 65536],
  magics: [
    { at: 0, bytes: '\xfc\x4e\x2b\xa9\0\0\0\0\x5a\0\0\0' },
    { at: 0, bytes: '\xa9\x2b\x4e\xfc\0\0\0\0\0\0\0\x5a' },
  ],
  structureBytes: 4096,
  describe(bytes, place) {
    const little = bytes[0] === 0xfc;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const words = mdSuperblock0.uuidWords.map((at) => view.getUint32(at, little));
    const id = words.map((word) => word.toString(16).padStart(8, '0')).join('');
    const sizeBytes = view.getUint32(mdSuperblock0.sizeKib, little) * 1024;
    const sum = foldedSum(withZeroes(bytes, mdSuperblock0.checksum, 4), little);
    return {
      uuid: id.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5'),
      doubt: firstDoubt(
        [sizeBytes > place, `its ${sizeBytes} bytes do not fit before it`],
        [sum !== view.getUint32(mdSuperblock0.checksum, little), 'its checksum does not match'],
      ),
    };
  },
};

/** Firmware RAID: SNIA "Common RAID Disk Data Format" section 5.6, and mdadm super-intel.c. */
const ddf: SignatureRule = {
  type: 'ddf_raid_member',
  family: 'md',
  kind: 'container',
  places: (deviceBytes) => [Math.floor(deviceBytes / 512) * 512 - 512],
  magics: [{ at: 0, bytes: '\xde\x11\xde\x11' }],
  structureBytes: 512,
  describe: () => ({}),
};

const intelRaid: SignatureRule = {
  type: 'isw_raid_member',
  family: 'md',
  kind: 'container',
  places: (deviceBytes) => [
    Math.floor(deviceBytes / 512) * 512 - 1024,
    Math.floor(deviceBytes / 4096) * 4096 - 8192,
  ],
  magics: [{ at: 0, bytes: 'Intel Raid ISM Cfg Sig. ' }],
  structureBytes: 512,
  describe: () => ({}),
};

export const raidRules: readonly SignatureRule[] = [md1, md0, ddf, intelRaid];
