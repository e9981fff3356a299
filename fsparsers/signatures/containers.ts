/** Containers of other volumes: volume managers, pools, caches, encryption. */

import { crc32Raw } from '../checksum.js';
import { layout } from '../layout.js';
import { firstDoubt, hex, isPowerOfTwo, text, tooLarge, uuid, type SignatureRule } from './rule.js';

/** lvm2 lib/format_text/layout.h and lib/label/label.h: label_header, then pv_header. */
const lvmLabel = layout('little', {
  sector: [8, 'u64'],
  checksum: [16, 'u32'],
  contentsAt: [20, 'u32'],
});
const lvmInitialCrc = 0xf597a6cf;

const lvm: SignatureRule = {
  type: 'LVM2_member',
  family: 'lvm',
  kind: 'container',
  places: [512, 0, 1024, 1536],
  magics: [{ at: 24, bytes: 'LVM2 001' }],
  structureBytes: 512,
  describe(bytes, place, view) {
    const label = lvmLabel.decode(bytes);
    if (text(bytes.subarray(0, 8)) !== 'LABELONE') return null;
    const isInside = label.contentsAt >= 32 && label.contentsAt <= 512 - 40;
    const contents = isInside ? bytes.subarray(label.contentsAt) : bytes.subarray(32);
    const sizeBytes = Number(
      new DataView(contents.buffer, contents.byteOffset).getBigUint64(32, true),
    );
    const id = text(contents.subarray(0, 32));
    return {
      uuid: id?.replace(/^(.{6})(.{4})(.{4})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-$5-$6-') ?? null,
      sizeBytes,
      doubt: firstDoubt(
        [!isInside, `its contents begin at byte ${label.contentsAt} of its sector`],
        [label.sector !== place / 512, `it says that it lies in sector ${label.sector}`],
        [
          crc32Raw(lvmInitialCrc, bytes.subarray(20)) !== label.checksum,
          'its checksum does not match',
        ],
        tooLarge(sizeBytes, view.deviceBytes),
      ),
    };
  },
};

/** cryptsetup lib/luks1/luks.h, struct luks_phdr. */
const luks1Header = layout('big', { payloadSector: [104, 'u32'], uuid: [168, 'bytes:40'] });

/** "LUKS2 On-Disk Format Specification", section 2.1, binary header. */
const luks2Header = layout('big', {
  headerBytes: [8, 'u64'],
  label: [24, 'bytes:48'],
  uuid: [168, 'bytes:40'],
  headerAt: [256, 'u64'],
});

const luks1: SignatureRule = {
  type: 'crypto_LUKS',
  family: 'luks',
  kind: 'container',
  places: [0],
  magics: [{ at: 0, bytes: 'LUKS\xba\xbe\0\x01' }],
  structureBytes: 512,
  describe(bytes, _place, view) {
    const header = luks1Header.decode(bytes);
    return {
      uuid: text(header.uuid),
      doubt: firstDoubt([
        header.payloadSector * 512 > view.deviceBytes,
        'its payload begins behind the end of the device',
      ]),
    };
  },
};

/** The specification's possible places of the second header. */
const luks2SecondPlaces = [
  0x4000, 0x8000, 0x10000, 0x20000, 0x40000, 0x80000, 0x100000, 0x200000, 0x400000,
];

const luks2: SignatureRule = {
  type: 'crypto_LUKS',
  family: 'luks',
  kind: 'container',
  places: [0, ...luks2SecondPlaces],
  magics: [
    { at: 0, bytes: 'LUKS\xba\xbe\0\x02' },
    { at: 0, bytes: 'SKUL\xba\xbe\0\x02' },
  ],
  structureBytes: 512,
  describe(bytes, place) {
    const header = luks2Header.decode(bytes);
    return {
      label: text(header.label),
      uuid: text(header.uuid),
      doubt: firstDoubt(
        [header.headerAt !== place, `it says that it lies at byte ${header.headerAt}`],
        [
          !isPowerOfTwo(header.headerBytes, 0x4000, 0x400000),
          `its header has ${header.headerBytes} bytes`,
        ],
      ),
    };
  },
};

/** OpenZFS include/sys/vdev_impl.h (vdev_label_t) and include/sys/uberblock_impl.h. */
const zfsLabel = {
  bytes: 262144,
  pairsAt: 16384,
  uberblocksAt: 131072,
  uberblockBytes: 1024,
} as const;

function countUberblocks(label: Uint8Array): number {
  let count = 0;
  for (let at: number = zfsLabel.uberblocksAt; at < zfsLabel.bytes; at += zfsLabel.uberblockBytes) {
    const magic = hex(label.subarray(at, at + 8));
    if (magic === '0cb1ba0000000000' || magic === '0000000000bab10c') count++;
  }
  return count;
}

const zfs: SignatureRule = {
  type: 'zfs_member',
  family: 'zfs',
  kind: 'container',
  places: (deviceBytes) => {
    const end = Math.floor(deviceBytes / zfsLabel.bytes) * zfsLabel.bytes;
    return [0, zfsLabel.bytes, end - 2 * zfsLabel.bytes, end - zfsLabel.bytes];
  },
  // The name-value pairs' header: XDR encoding, written by a host of either byte order.
  magics: [
    { at: zfsLabel.pairsAt, bytes: '\x01\x01\0\0' },
    { at: zfsLabel.pairsAt, bytes: '\x01\0\0\0' },
  ],
  structureBytes: zfsLabel.bytes,
  describe: (bytes) => (countUberblocks(bytes) === 0 ? null : {}),
};

/** Linux drivers/md/bcache/bcache_ondisk.h, struct cache_sb_disk. */
const bcacheSuperblock = layout('little', {
  sector: [8, 'u64'],
  uuid: [40, 'bytes:16'],
  label: [72, 'bytes:32'],
});

const bcache: SignatureRule = {
  type: 'bcache',
  family: 'bcache',
  kind: 'container',
  places: [4096],
  magics: [{ at: 24, bytes: '\xc6\x85\x73\xf6\x4e\x1a\x45\xca\x82\x65\xf5\x7f\x48\xba\x6d\x81' }],
  structureBytes: 512,
  describe(bytes, place) {
    const superblock = bcacheSuperblock.decode(bytes);
    return {
      label: text(superblock.label),
      uuid: uuid(superblock.uuid),
      doubt: firstDoubt([
        superblock.sector !== place / 512,
        `it says that it lies in sector ${superblock.sector}`,
      ]),
    };
  },
};

/** drbd-headers drbd_meta_data.h: internal metadata ends the device, its superblock in the last 4 KiB. */
const drbdSuperblock = layout('big', { sectors: [0, 'u64'], uuid: [48, 'bytes:8'] });

const drbd: SignatureRule = {
  type: 'drbd',
  family: 'drbd',
  kind: 'container',
  places: (deviceBytes) => [Math.floor(deviceBytes / 4096) * 4096 - 4096],
  magics: [
    { at: 60, bytes: '\x83\x74\x02\x6b' }, // 8.4
    { at: 60, bytes: '\x83\x74\x02\x6c' }, // 8.4, unclean
    { at: 60, bytes: '\x83\x74\x02\x6d' }, // 9
  ],
  structureBytes: 512,
  describe(bytes, _place, view) {
    const superblock = drbdSuperblock.decode(bytes);
    const sizeBytes = superblock.sectors * 512;
    return {
      uuid: hex(superblock.uuid).replace(/^0+/, '') || null,
      sizeBytes,
      doubt: firstDoubt(tooLarge(sizeBytes, view.deviceBytes)),
    };
  },
};

/** Other managers' members, known by a long magic number alone. */
function member(type: string, family: string, at: number, bytes: string): SignatureRule {
  return {
    type,
    family,
    kind: 'container',
    places: [at],
    magics: [{ at: 0, bytes }],
    structureBytes: bytes.length,
    describe: () => ({}),
  };
}

export const containerRules: readonly SignatureRule[] = [
  lvm,
  luks1,
  luks2,
  zfs,
  bcache,
  drbd,
  member('stratis', 'stratis', 516, '!Stra0tis\x86\xff\x02^\x41rh'),
  member('ceph_bluestore', 'bluestore', 0, 'bluestore block device'),
  member('vdo', 'vdo', 0, 'dmvdo001'),
  member('DM_snapshot_cow', 'dm', 0, 'SnAp\x01\0\0\0'),
  member('DM_verity_hash', 'dm', 0, 'verity\0\0\x01\0\0\0'),
  member('DM_integrity', 'dm', 0, 'integrt\0'),
];
