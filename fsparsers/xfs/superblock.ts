/** The XFS superblock: decoded once, checked thoroughly, and turned into the geometry for everything else. */

import { ParseError } from '../errors.js';
import { layout } from '../layout.js';
import { readStructure, type ByteReader } from '../reader.js';
import { checksumIsRight, uuidText } from './bytes.js';
import {
  features2Bits,
  incompat,
  logIncompat,
  namesOf,
  roCompat,
  unknownOf,
  versionBits,
} from './features.js';

/** struct xfs_dsb, fs/xfs/libxfs/xfs_format.h. */
export const superblockLayout = layout('big', {
  magic: [0, 'u32'],
  blockBytes: [4, 'u32'],
  dataBlocks: [8, 'u64'],
  realtimeBlocks: [16, 'u64'],
  uuid: [32, 'bytes:16'],
  logStart: [48, 'u64'],
  rootInode: [56, 'u64'],
  agBlocks: [84, 'u32'],
  agCount: [88, 'u32'],
  logBlocks: [96, 'u32'],
  version: [100, 'u16'],
  sectorBytes: [102, 'u16'],
  inodeBytes: [104, 'u16'],
  inodesPerBlock: [106, 'u16'],
  label: [108, 'bytes:12'],
  blockLog: [120, 'u8'],
  sectorLog: [121, 'u8'],
  inodeLog: [122, 'u8'],
  inodesPerBlockLog: [123, 'u8'],
  agBlockLog: [124, 'u8'],
  inProgress: [126, 'u8'],
  freeDataBlocks: [144, 'u64'],
  logSectorBytes: [194, 'u16'],
  logStripeBytes: [196, 'u32'],
  features2: [200, 'u32'],
  compat: [208, 'u32'],
  roCompat: [212, 'u32'],
  incompat: [216, 'u32'],
  logIncompat: [220, 'u32'],
  metaUuid: [248, 'bytes:16'],
});

const magic = 0x58465342; // "XFSB"
const crcAt = 224;
const minAgBytes = 16 << 20; // XFS_MIN_AG_BYTES
const maxAgBytes = 2 ** 40; // XFS_MAX_AG_BYTES
const maxLogBytes = 2 ** 31; // XFS_MAX_LOG_BYTES

/** The fields of the superblock that the parser needs. Blocks are file system blocks. */
export interface Geometry {
  readonly version: 4 | 5;
  readonly blockBytes: number;
  readonly sectorBytes: number;
  readonly dataBlocks: number;
  readonly agBlocks: number;
  readonly agCount: number;
  readonly inodeBytes: number;
  readonly inodesPerBlockLog: number;
  readonly freeDataBlocks: number;
  readonly realtimeBlocks: number;
  readonly uuid: Uint8Array;
  /** What metadata headers carry: sb_meta_uuid where that feature is set. */
  readonly metaUuid: Uint8Array;
  readonly label: string | null;
  /** The internal log's place; `startBytes` is null when the log is on another device. */
  readonly log: { readonly startBytes: number | null; readonly lengthBytes: number };
  readonly logIsV2: boolean;
  readonly lazyCounts: boolean;
  readonly has: {
    readonly finobt: boolean;
    readonly rmapbt: boolean;
    readonly reflink: boolean;
    readonly sparseInodes: boolean;
    readonly needsRepair: boolean;
    readonly metaUuid: boolean;
  };
  readonly features: readonly string[];
  /** Unknown feature bits: the free-space trees may not have their usual meaning. */
  readonly unknownFeatures: readonly string[];
  readonly unknownLogFeatures: boolean;
}

type Raw = ReturnType<typeof superblockLayout.decode>;

/** Whether the bytes of the first sector carry XFS's magic number. */
export function hasSuperblockMagic(bytes: Uint8Array): boolean {
  return (
    bytes.length >= superblockLayout.sizeBytes && superblockLayout.decode(bytes).magic === magic
  );
}

/**
 * Reads and checks the primary superblock.
 * @throws ParseError NOT_RECOGNISED without the magic number, UNSUPPORTED for versions before 4,
 *   CORRUPT for impossible fields, TRUNCATED where the file system is larger than the device.
 */
export async function readGeometry(reader: ByteReader): Promise<Geometry> {
  const first = await readStructure(reader, 'superblock', 0, 512);
  if (!hasSuperblockMagic(first)) throw fault('NOT_RECOGNISED', 'no XFS magic number');
  const raw = superblockLayout.decode(first);
  checkSizes(raw);
  if ((raw.version & 0xf) === 5) {
    const sector = await readStructure(reader, 'superblock', 0, raw.sectorBytes);
    if (!checksumIsRight(sector, crcAt)) throw fault('CORRUPT', 'its checksum is wrong');
  }
  checkPlaces(raw, reader.sizeBytes);
  return geometryOf(raw);
}

function fault(code: ParseError['code'], what: string): ParseError {
  return new ParseError(code, what, { structure: 'superblock', offsetBytes: 0 });
}

function checkSizes(raw: Raw): void {
  const version = raw.version & 0xf;
  if (version !== 4 && version !== 5) {
    throw fault('UNSUPPORTED', `version ${version} of the format is not known here`);
  }
  if (version === 4 && (raw.version & versionBits.dirv2) === 0) {
    throw fault('UNSUPPORTED', 'version 1 directories are not known here');
  }
  const isPower = (value: number, log: number, low: number, high: number) =>
    log >= low && log <= high && value === 2 ** log;
  if (!isPower(raw.sectorBytes, raw.sectorLog, 9, 15)) {
    throw fault('CORRUPT', `sectors of ${raw.sectorBytes} bytes are impossible`);
  }
  if (!isPower(raw.blockBytes, raw.blockLog, version === 5 ? 10 : 9, 16)) {
    throw fault('CORRUPT', `blocks of ${raw.blockBytes} bytes are impossible`);
  }
  if (raw.sectorBytes > raw.blockBytes) {
    throw fault('CORRUPT', `sectors of ${raw.sectorBytes} bytes are larger than blocks`);
  }
  if (!isPower(raw.inodeBytes, raw.inodeLog, 8, 11) || raw.inodeBytes > raw.blockBytes) {
    throw fault('CORRUPT', `inodes of ${raw.inodeBytes} bytes are impossible`);
  }
  if (raw.inodesPerBlockLog !== raw.blockLog - raw.inodeLog) {
    throw fault('CORRUPT', 'inodes per block do not agree with their sizes');
  }
  if (raw.inProgress !== 0) {
    throw fault('UNSUPPORTED', 'mkfs or a copy onto this volume was never finished');
  }
}

function checkPlaces(raw: Raw, deviceBytes: number): void {
  const agBytes = raw.agBlocks * raw.blockBytes;
  if (agBytes < minAgBytes || agBytes > maxAgBytes) {
    throw fault('CORRUPT', `allocation groups of ${raw.agBlocks} blocks are impossible`);
  }
  if (raw.agBlockLog !== Math.ceil(Math.log2(raw.agBlocks))) {
    throw fault('CORRUPT', 'the allocation group size does not agree with its logarithm');
  }
  if (raw.agCount === 0 || raw.agCount !== Math.ceil(raw.dataBlocks / raw.agBlocks)) {
    throw fault('CORRUPT', `${raw.agCount} allocation groups do not make ${raw.dataBlocks} blocks`);
  }
  if (raw.dataBlocks * raw.blockBytes > deviceBytes) {
    throw fault(
      'TRUNCATED',
      `the file system has ${raw.dataBlocks * raw.blockBytes} bytes, the device ${deviceBytes}`,
    );
  }
  if (raw.logBlocks * raw.blockBytes > maxLogBytes) {
    throw fault('CORRUPT', `a log of ${raw.logBlocks} blocks is impossible`);
  }
  const start = logStartBlock(raw);
  if (start !== null && start.block + raw.logBlocks > start.agEnd) {
    throw fault('CORRUPT', 'the log does not fit into its allocation group');
  }
}

/** The log's first block in linear blocks, and its group's end; null for an external log. */
function logStartBlock(raw: Raw): { block: number; agEnd: number } | null {
  if (raw.logStart === 0) return null;
  const group = Math.floor(raw.logStart / 2 ** raw.agBlockLog);
  const within = raw.logStart % 2 ** raw.agBlockLog;
  if (group >= raw.agCount || within >= raw.agBlocks) {
    throw fault('CORRUPT', 'the log begins outside the file system');
  }
  return {
    block: group * raw.agBlocks + within,
    agEnd: Math.min(raw.dataBlocks, (group + 1) * raw.agBlocks),
  };
}

function geometryOf(raw: Raw): Geometry {
  const version = (raw.version & 0xf) as 4 | 5;
  const v5 = version === 5;
  const moreBits = v5 || (raw.version & versionBits.morebits) !== 0;
  const features2 = moreBits ? raw.features2 : 0;
  const start = logStartBlock(raw);
  const label = new TextDecoder().decode(raw.label).replace(/\0.*$/s, '');
  const hasIncompat = (bit: number) => v5 && (raw.incompat & bit) !== 0;
  const hasRoCompat = (bit: number) => v5 && (raw.roCompat & bit) !== 0;
  const metaUuid = hasIncompat(incompat.metaUuid);
  return {
    version,
    blockBytes: raw.blockBytes,
    sectorBytes: raw.sectorBytes,
    dataBlocks: raw.dataBlocks,
    agBlocks: raw.agBlocks,
    agCount: raw.agCount,
    inodeBytes: raw.inodeBytes,
    inodesPerBlockLog: raw.inodesPerBlockLog,
    freeDataBlocks: raw.freeDataBlocks,
    realtimeBlocks: raw.realtimeBlocks,
    uuid: raw.uuid,
    metaUuid: metaUuid ? raw.metaUuid : raw.uuid,
    label: label === '' ? null : label,
    log: {
      startBytes: start === null ? null : start.block * raw.blockBytes,
      lengthBytes: raw.logBlocks * raw.blockBytes,
    },
    logIsV2: v5 || (raw.version & versionBits.logv2) !== 0,
    lazyCounts: v5 || (features2 & features2Bits.lazysbcount) !== 0,
    has: {
      finobt: hasRoCompat(roCompat.finobt),
      rmapbt: hasRoCompat(roCompat.rmapbt),
      reflink: hasRoCompat(roCompat.reflink),
      sparseInodes: hasIncompat(incompat.spinodes),
      needsRepair: hasIncompat(incompat.needsrepair),
      metaUuid,
    },
    features: [`v${version}`, ...featureNames(raw, v5, features2)],
    unknownFeatures: unknownFeatures(raw, v5, features2),
    unknownLogFeatures: v5 && unknownOf(logIncompat, raw.logIncompat) !== 0,
  };
}

function featureNames(raw: Raw, v5: boolean, features2: number): string[] {
  const old = [...namesOf(versionBits, raw.version & ~0xf), ...namesOf(features2Bits, features2)];
  if (!v5) return old;
  return [
    ...old.filter((name) => name !== 'ftype'),
    ...namesOf(roCompat, raw.roCompat),
    ...namesOf(incompat, raw.incompat),
    ...namesOf(logIncompat, raw.logIncompat).map((name) => `log-${name}`),
  ];
}

function unknownFeatures(raw: Raw, v5: boolean, features2: number): string[] {
  const words: [string, number][] = v5
    ? [
        ['incompat', unknownOf(incompat, raw.incompat)],
        ['ro_compat', unknownOf(roCompat, raw.roCompat)],
      ]
    : [
        ['versionnum', raw.version & versionBits.shared],
        ['features2', unknownOf(features2Bits, features2)],
      ];
  return words
    .filter(([, word]) => word !== 0)
    .map(([name, word]) => `${name} 0x${word.toString(16)}`);
}

/** Blocks in an allocation group: all have the same but the last, which may be short. */
export function agLength(geometry: Geometry, agno: number): number {
  return Math.min(geometry.agBlocks, geometry.dataBlocks - agno * geometry.agBlocks);
}

/** sb_agblklog: block and inode numbers have the group's number above so many bits (and an inode's). */
export function agBlockLog(geometry: Geometry): number {
  return Math.ceil(Math.log2(geometry.agBlocks));
}

/** The byte on the device where a block of an allocation group begins. */
export function agBlockBytes(geometry: Geometry, agno: number, agbno: number): number {
  return (agno * geometry.agBlocks + agbno) * geometry.blockBytes;
}

/** "xfs, UUID …", for the probe. */
export function describeSuperblock(bytes: Uint8Array): string {
  const { uuid, version } = superblockLayout.decode(bytes);
  return `XFS v${version & 0xf}, UUID ${uuidText(uuid)}`;
}
