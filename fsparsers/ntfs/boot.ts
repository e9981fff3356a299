/** The boot sector: geometry of the volume, and where the $MFT begins. */

import { ParseError } from '../errors.js';
import { layout } from '../layout.js';
import { readStructure, type ByteReader } from '../reader.js';

/** Linux fs/ntfs3/ntfs.h, struct NTFS_BOOT. */
const bootLayout = layout('little', {
  oemId: [0x03, 'bytes:8'],
  sectorBytes: [0x0b, 'u16'],
  sectorsPerCluster: [0x0d, 'u8'],
  reservedSectors: [0x0e, 'u16'],
  fats: [0x10, 'u8'],
  rootEntries: [0x11, 'u16'],
  sectors16: [0x13, 'u16'],
  sectorsPerFat: [0x16, 'u16'],
  sectors32: [0x20, 'u32'],
  totalSectors: [0x28, 'u64'],
  mftCluster: [0x30, 'u64'],
  mirrorCluster: [0x38, 'u64'],
  recordSize: [0x40, 'i8'],
  indexSize: [0x44, 'i8'],
  serialNumber: [0x48, 'bytes:8'],
});

export const bootSectorBytes = 512;
/** What $Boot always covers: the boot sector and the boot loader. */
export const bootAreaBytes = 8192;
const largestClusterBytes = 2 << 20;
const largestRecordBytes = 64 << 10;

export interface Boot {
  readonly sectorBytes: number;
  readonly clusterBytes: number;
  /** The clusters that $Bitmap covers; a partial last cluster is not among them. */
  readonly clusterCount: number;
  /** The sectors of the file system, without the backup boot sector behind them. */
  readonly sizeBytes: number;
  readonly mftCluster: number;
  readonly mirrorCluster: number;
  readonly recordBytes: number;
  /** 16 hexadecimal digits, as blkid prints them. */
  readonly serialNumber: string;
}

function corrupt(what: string): ParseError {
  return new ParseError('CORRUPT', what, { structure: 'boot sector', offsetBytes: 0 });
}

function isPowerOfTwo(value: number): boolean {
  return value > 0 && Number.isInteger(Math.log2(value));
}

/** Up to 0x80 a count; from 0xF0 on the exponent of a power of two, negated (0xF4: 4096 sectors). */
function sectorsPerCluster(byte: number): number {
  if (byte <= 0x80) return byte;
  return byte >= 0xf0 ? 2 ** (256 - byte) : 0;
}

/** Positive: clusters; negative: the exponent of a power of two in bytes, negated. */
function signedSize(value: number, clusterBytes: number): number {
  return value > 0 ? value * clusterBytes : 2 ** -value;
}

function hexadecimal(littleEndian: Uint8Array): string {
  return [...littleEndian]
    .reverse()
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join('')
    .toUpperCase();
}

/** Whether the sector has NTFS's name; checks no other fields. */
export function hasBootSignature(sector: Uint8Array): boolean {
  return sector.length >= 11 && String.fromCharCode(...sector.subarray(3, 11)) === 'NTFS    ';
}

/**
 * Decodes and checks a boot sector, against itself only.
 * @throws ParseError NOT_RECOGNISED without the signature, CORRUPT where a field cannot be.
 */
export function decodeBoot(sector: Uint8Array): Boot {
  if (!hasBootSignature(sector)) {
    throw new ParseError('NOT_RECOGNISED', 'no NTFS signature', {
      structure: 'boot sector',
      offsetBytes: 0,
    });
  }
  const raw = bootLayout.decode(sector);
  const { sectorBytes } = raw;
  if (!isPowerOfTwo(sectorBytes) || sectorBytes < 256 || sectorBytes > 4096) {
    throw corrupt(`${sectorBytes} bytes in a sector`);
  }
  const clusterBytes = sectorBytes * sectorsPerCluster(raw.sectorsPerCluster);
  if (!isPowerOfTwo(clusterBytes) || clusterBytes > largestClusterBytes) {
    throw corrupt(`the cluster size byte is ${raw.sectorsPerCluster}`);
  }
  for (const field of [
    'reservedSectors',
    'fats',
    'rootEntries',
    'sectors16',
    'sectorsPerFat',
    'sectors32',
  ] as const) {
    if (raw[field] !== 0) throw corrupt(`the field ${field} is ${raw[field]}, where NTFS has 0`);
  }
  const recordBytes = signedSize(raw.recordSize, clusterBytes);
  if (!isPowerOfTwo(recordBytes) || recordBytes < 512 || recordBytes > largestRecordBytes) {
    throw corrupt(`the size of $MFT records is ${raw.recordSize}`);
  }
  const clusterCount = Math.floor((raw.totalSectors * sectorBytes) / clusterBytes);
  if (clusterCount === 0) throw corrupt(`${raw.totalSectors} sectors are less than one cluster`);
  if (raw.mftCluster >= clusterCount) throw corrupt(`$MFT begins at cluster ${raw.mftCluster}`);
  return {
    sectorBytes,
    clusterBytes,
    clusterCount,
    sizeBytes: raw.totalSectors * sectorBytes,
    mftCluster: raw.mftCluster,
    mirrorCluster: raw.mirrorCluster,
    recordBytes,
    serialNumber: hexadecimal(raw.serialNumber),
  };
}

/**
 * Reads the boot sector and checks it against the device.
 * @throws ParseError as decodeBoot, and TRUNCATED where the device is smaller than the file system.
 */
export async function readBoot(reader: ByteReader): Promise<Boot> {
  const boot = decodeBoot(await readStructure(reader, 'boot sector', 0, bootSectorBytes));
  if (boot.sizeBytes > reader.sizeBytes) {
    throw new ParseError(
      'TRUNCATED',
      `the file system has ${boot.sizeBytes} bytes, the device ${reader.sizeBytes}`,
      { structure: 'boot sector', offsetBytes: 0 },
    );
  }
  return boot;
}
