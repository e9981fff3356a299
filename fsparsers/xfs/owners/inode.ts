/** The XFS inode, as far as it says which blocks are its own. */

import { layout } from '../../layout.js';
import { checksumIsRight, sameBytes } from '../bytes.js';
import type { Geometry } from '../superblock.js';

/** struct xfs_dinode, fs/xfs/libxfs/xfs_format.h. */
const inodeLayout = layout('big', {
  magic: [0, 'u16'],
  mode: [2, 'u16'],
  version: [4, 'u8'],
  format: [5, 'u8'],
  bigExtents: [24, 'u64'],
  extents: [76, 'u32'],
  attributeExtents: [80, 'u16'],
  forkOffset: [82, 'u8'],
  attributeFormat: [83, 'u8'],
  flags: [90, 'u16'],
});
const v3Layout = layout('big', {
  flags2Low: [124, 'u32'],
  number: [152, 'u64'],
  uuid: [160, 'bytes:16'],
});
const magic = 0x494e; // "IN"
const crcAt = 100;
/** Where the forks begin: behind the core. */
const coreBytes = { old: 100, v3: 176 } as const;
const realtimeFlag = 1; // XFS_DIFLAG_REALTIME
const bigExtentsFlag = 1 << 4; // XFS_DIFLAG2_NREXT64

/** Formats of a fork (XFS_DINODE_FMT_*). */
export const forkFormats = { device: 0, local: 1, extents: 2, btree: 3, uuid: 4 } as const;

/** A fork that maps blocks. */
export interface Fork {
  readonly isTree: boolean;
  readonly extents: number;
  readonly bytes: Uint8Array;
  /** Whether what it maps lies on the realtime device. Its own blocks do not. */
  readonly isRealtime: boolean;
}

export interface Inode {
  readonly number: number;
  readonly forks: readonly Fork[];
}

/** What is wrong with it, in words, where it is not sound. */
export function decodeInode(geometry: Geometry, number: number, bytes: Uint8Array): Inode | string {
  const raw = inodeLayout.decode(bytes);
  if (raw.magic !== magic) return 'it has another magic number';
  const isV3 = raw.version === 3;
  if (isV3 !== (geometry.version === 5)) return `it is of version ${raw.version}`;
  const wrong = isV3 ? v3Fault(geometry, number, bytes) : null;
  if (wrong !== null) return wrong;
  const core = isV3 ? coreBytes.v3 : coreBytes.old;
  const attributesAt = core + raw.forkOffset * 8;
  if (attributesAt > bytes.length) return 'its attributes begin behind its end';
  const isBig = isV3 && (v3Layout.decode(bytes).flags2Low & bigExtentsFlag) !== 0;
  const hasAttributes = raw.forkOffset !== 0;
  const isRealtime = geometry.realtimeBlocks > 0 && (raw.flags & realtimeFlag) !== 0;
  const data = {
    extents: isBig ? raw.bigExtents : raw.extents,
    bytes: bytes.subarray(core, hasAttributes ? attributesAt : bytes.length),
    isRealtime,
  };
  const attributes = {
    extents: isBig ? raw.extents : raw.attributeExtents,
    bytes: bytes.subarray(attributesAt),
    isRealtime: false,
  };
  const forks: Fork[] = [];
  const candidates = [
    { format: raw.format, fork: data },
    ...(hasAttributes ? [{ format: raw.attributeFormat, fork: attributes }] : []),
  ];
  for (const { format, fork } of candidates) {
    if (format === forkFormats.extents || format === forkFormats.btree) {
      forks.push({ ...fork, isTree: format === forkFormats.btree });
    } else if (format > forkFormats.uuid) {
      return `its mapping is of format ${format}`;
    }
  }
  return { number, forks };
}

function v3Fault(geometry: Geometry, number: number, bytes: Uint8Array): string | null {
  if (!checksumIsRight(bytes, crcAt)) return 'its checksum is wrong';
  const { number: own, uuid } = v3Layout.decode(bytes);
  if (own !== number) return `it was written for inode ${own}`;
  if (!sameBytes(uuid, geometry.metaUuid)) return 'it belongs to another file system';
  return null;
}
