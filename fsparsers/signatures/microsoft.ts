/** File systems of the PC world: they share the boot sector, and so do their signatures. */

import { layout } from '../layout.js';
import { firstDoubt, hex, isPowerOfTwo, text, tooLarge, type SignatureRule } from './rule.js';

const bootSignature = '\x55\xaa';

function bigEndianHex(value: Uint8Array): string {
  return hex(value.slice().reverse()).toUpperCase();
}

/** Linux fs/ntfs3/ntfs.h, struct NTFS_BOOT. */
const ntfsBoot = layout('little', {
  sectorSize: [11, 'u16'],
  sectorsPerCluster: [13, 'u8'],
  reservedSectors: [14, 'u16'],
  fatCount: [16, 'u8'],
  totalSectors: [40, 'u64'],
  mftCluster: [48, 'u64'],
  mirrorCluster: [56, 'u64'],
  serial: [72, 'bytes:8'],
});

/** 0x80 is 128; from 0xf4 up it is a negative power of two. */
function ntfsSectorsPerCluster(value: number): number {
  return value > 0x80 ? 2 ** (256 - value) : value;
}

const ntfs: SignatureRule = {
  type: 'ntfs',
  family: 'ntfs',
  kind: 'filesystem',
  places: [0],
  magics: [{ at: 3, bytes: 'NTFS    ' }],
  structureBytes: 512,
  describe(bytes, _place, view) {
    const boot = ntfsBoot.decode(bytes);
    const clusterBytes = boot.sectorSize * ntfsSectorsPerCluster(boot.sectorsPerCluster);
    // totalSectors leaves out the backup boot sector behind the last cluster.
    const sizeBytes = boot.totalSectors * boot.sectorSize;
    return {
      uuid: bigEndianHex(boot.serial),
      sizeBytes,
      doubt: firstDoubt(
        [!isPowerOfTwo(boot.sectorSize, 256, 4096), `its sector size is ${boot.sectorSize}`],
        [!isPowerOfTwo(clusterBytes, 256, 2 ** 21), `its cluster size is ${clusterBytes}`],
        [boot.reservedSectors !== 0 || boot.fatCount !== 0, 'fields that must be zero are not'],
        [boot.totalSectors === 0, 'it has no sectors'],
        [boot.mftCluster * clusterBytes >= sizeBytes, 'its $MFT lies behind its end'],
        [boot.mirrorCluster * clusterBytes >= sizeBytes, 'its $MFTMirr lies behind its end'],
        tooLarge(sizeBytes, view.deviceBytes),
      ),
    };
  },
};

/** Linux include/uapi/linux/msdos_fs.h, struct fat_boot_sector. */
const fatBoot = layout('little', {
  jump: [0, 'u8'],
  sectorSize: [11, 'u16'],
  sectorsPerCluster: [13, 'u8'],
  reservedSectors: [14, 'u16'],
  fatCount: [16, 'u8'],
  rootEntries: [17, 'u16'],
  sectors16: [19, 'u16'],
  media: [21, 'u8'],
  fatSectors16: [22, 'u16'],
  sectors32: [32, 'u32'],
  fatSectors32: [36, 'u32'],
  serial16: [39, 'bytes:4'],
  label16: [43, 'bytes:11'],
  serial32: [67, 'bytes:4'],
  label32: [71, 'bytes:11'],
});

function fatLabel(bytes: Uint8Array): string | null {
  const label = text(bytes);
  return label === 'NO NAME' ? null : label;
}

const vfat: SignatureRule = {
  type: 'vfat',
  family: 'vfat',
  kind: 'filesystem',
  places: [0],
  magics: [
    { at: 82, bytes: 'FAT32   ' },
    { at: 54, bytes: 'FAT16   ' },
    { at: 54, bytes: 'FAT12   ' },
    { at: 54, bytes: 'FAT     ' },
    { at: 510, bytes: bootSignature },
  ],
  structureBytes: 512,
  describe(bytes, _place, view) {
    const boot = fatBoot.decode(bytes);
    const sectors = boot.sectors16 || boot.sectors32;
    const fatSectors = boot.fatSectors16 || boot.fatSectors32;
    const rootSectors = Math.ceil((boot.rootEntries * 32) / (boot.sectorSize || 1));
    const firstDataSector = boot.reservedSectors + boot.fatCount * fatSectors + rootSectors;
    const isBootSector =
      (boot.jump === 0xeb || boot.jump === 0xe9) &&
      isPowerOfTwo(boot.sectorSize, 512, 4096) &&
      isPowerOfTwo(boot.sectorsPerCluster, 1, 128) &&
      boot.reservedSectors > 0 &&
      boot.fatCount > 0 &&
      boot.fatCount <= 4 &&
      fatSectors > 0 &&
      (boot.media === 0xf0 || boot.media >= 0xf8);
    // 55 AA ends every boot sector: without a parameter block it says nothing about FAT.
    if (!isBootSector) return null;
    const is32 = boot.fatSectors16 === 0;
    const serial = is32 ? boot.serial32 : boot.serial16;
    return {
      label: fatLabel(is32 ? boot.label32 : boot.label16),
      uuid: bigEndianHex(serial).replace(/^(.{4})/, '$1-'),
      sizeBytes: sectors * boot.sectorSize,
      doubt: firstDoubt(
        [firstDataSector >= sectors, 'its tables leave no room for clusters'],
        tooLarge(sectors * boot.sectorSize, view.deviceBytes),
      ),
    };
  },
};

/** Microsoft's "exFAT file system specification", section 3.1. */
const exfatBoot = layout('little', {
  volumeSectors: [72, 'u64'],
  fatOffset: [80, 'u32'],
  clusterHeapOffset: [88, 'u32'],
  serial: [100, 'bytes:4'],
  sectorShift: [108, 'u8'],
  clusterShift: [109, 'u8'],
  fatCount: [110, 'u8'],
});

/** Section 3.4: a rotating sum over the first 11 sectors, without VolumeFlags and PercentInUse. */
function exfatChecksum(bytes: Uint8Array): number {
  let sum = 0;
  for (const [at, byte] of bytes.entries()) {
    if (at === 106 || at === 107 || at === 112) continue;
    sum = ((sum << 31) | (sum >>> 1)) + byte;
  }
  return sum >>> 0;
}

const exfat: SignatureRule = {
  type: 'exfat',
  family: 'exfat',
  kind: 'filesystem',
  places: [0],
  magics: [{ at: 3, bytes: 'EXFAT   ' }],
  structureBytes: 512,
  async describe(bytes, place, view) {
    const boot = exfatBoot.decode(bytes);
    const sectorBytes = boot.sectorShift >= 9 && boot.sectorShift <= 12 ? 2 ** boot.sectorShift : 0;
    const region = await view.read(place, 12 * sectorBytes);
    const isDamaged = () => {
      if (region === null || sectorBytes === 0) return true;
      const stored = new DataView(region.buffer, region.byteOffset).getUint32(
        11 * sectorBytes,
        true,
      );
      return exfatChecksum(region.subarray(0, 11 * sectorBytes)) !== stored;
    };
    return {
      uuid: bigEndianHex(boot.serial).replace(/^(.{4})/, '$1-'),
      sizeBytes: boot.volumeSectors * sectorBytes,
      doubt: firstDoubt(
        [sectorBytes === 0, `its sector size is 2^${boot.sectorShift}`],
        [boot.fatCount < 1 || boot.fatCount > 2, `it has ${boot.fatCount} FATs`],
        [boot.clusterHeapOffset >= boot.volumeSectors, 'its clusters begin behind its end'],
        tooLarge(boot.volumeSectors * sectorBytes, view.deviceBytes),
        [isDamaged(), 'its boot checksum does not match'],
      ),
    };
  },
};

/** libyal's "Resilient File System (ReFS)" documentation, volume header. */
const refsHeader = layout('little', {
  structure: [16, 'bytes:4'],
  sectors: [24, 'u64'],
  sectorSize: [32, 'u32'],
  sectorsPerCluster: [36, 'u32'],
  serial: [56, 'bytes:8'],
});

const refs: SignatureRule = {
  type: 'ReFS',
  family: 'refs',
  kind: 'filesystem',
  places: [0],
  magics: [{ at: 3, bytes: 'ReFS\0\0\0\0' }],
  structureBytes: 512,
  describe(bytes, _place, view) {
    const header = refsHeader.decode(bytes);
    return {
      uuid: bigEndianHex(header.serial),
      sizeBytes: header.sectors * header.sectorSize,
      doubt: firstDoubt(
        [text(header.structure) !== 'FSRS', 'its volume header lacks the FSRS mark'],
        [!isPowerOfTwo(header.sectorSize, 512, 4096), `its sector size is ${header.sectorSize}`],
        tooLarge(header.sectors * header.sectorSize, view.deviceBytes),
      ),
    };
  },
};

/** libyal's "BitLocker Drive Encryption (BDE)" documentation, volume header. */
const bitlocker: SignatureRule = {
  type: 'BitLocker',
  family: 'bitlocker',
  kind: 'container',
  places: [0],
  magics: [{ at: 3, bytes: '-FVE-FS-' }],
  structureBytes: 512,
  describe(bytes) {
    const { sectorSize } = fatBoot.decode(bytes);
    return {
      doubt: firstDoubt([!isPowerOfTwo(sectorSize, 512, 4096), `its sector size is ${sectorSize}`]),
    };
  },
};

export const microsoftRules: readonly SignatureRule[] = [ntfs, vfat, exfat, refs, bitlocker];
