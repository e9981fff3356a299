/** The part of an XFS inode that tells which blocks it owns. */

import { checksumIsRight, viewOf } from '../bytes.js';
import type { Geometry } from '../superblock.js';

/**
 * struct xfs_dinode, fs/xfs/libxfs/xfs_format.h: where the fields lie. Read one by one, since there may
 * be millions of inodes.
 */
const fieldAt = {
  magic: 0,
  version: 4,
  format: 5,
  bigExtents: 24,
  extents: 76,
  attributeExtents: 80,
  forkOffset: 82,
  attributeFormat: 83,
  flags: 90,
  flags2Low: 124,
  number: 152,
  uuid: 160,
} as const;
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

/** A description of the fault, if it is not intact. */
export function decodeInode(geometry: Geometry, number: number, bytes: Uint8Array): Inode | string {
  const view = viewOf(bytes);
  if (view.getUint16(fieldAt.magic) !== magic) return 'it has another magic number';
  const version = view.getUint8(fieldAt.version);
  const isV3 = version === 3;
  if (isV3 !== (geometry.version === 5)) return `it is of version ${version}`;
  const wrong = isV3 ? v3Fault(geometry, number, bytes, view) : null;
  if (wrong !== null) return wrong;
  const core = isV3 ? coreBytes.v3 : coreBytes.old;
  const forkOffset = view.getUint8(fieldAt.forkOffset) * 8;
  const attributesAt = core + forkOffset;
  if (attributesAt > bytes.length) return 'its attributes begin behind its end';
  const isBig = isV3 && (view.getUint32(fieldAt.flags2Low) & bigExtentsFlag) !== 0;
  const forks: Fork[] = [];
  const add = (format: number, from: number, to: number, extents: number, flags: number) => {
    if (format < forkFormats.extents || format === forkFormats.uuid) return true;
    if (format > forkFormats.uuid) return false;
    const isTree = format === forkFormats.btree;
    const isRealtime = geometry.realtimeBlocks > 0 && (flags & realtimeFlag) !== 0;
    // An empty fork is the common case; there is nothing to claim.
    if (isTree || extents > 0) {
      forks.push({ isTree, extents, bytes: bytes.subarray(from, to), isRealtime });
    }
    return true;
  };
  const few = view.getUint32(fieldAt.extents);
  const format = view.getUint8(fieldAt.format);
  const extents = isBig ? Number(view.getBigUint64(fieldAt.bigExtents)) : few;
  const dataEnd = forkOffset === 0 ? bytes.length : attributesAt;
  if (!add(format, core, dataEnd, extents, view.getUint16(fieldAt.flags))) {
    return `its mapping is of format ${format}`;
  }
  if (forkOffset === 0) return { number, forks };
  const attributeFormat = view.getUint8(fieldAt.attributeFormat);
  const attributeExtents = isBig ? few : view.getUint16(fieldAt.attributeExtents);
  if (!add(attributeFormat, attributesAt, bytes.length, attributeExtents, 0)) {
    return `its attributes' mapping is of format ${attributeFormat}`;
  }
  return { number, forks };
}

function v3Fault(
  { metaUuid }: Geometry,
  number: number,
  bytes: Uint8Array,
  view: DataView,
): string | null {
  if (!checksumIsRight(bytes, crcAt)) return 'its checksum is wrong';
  const own = view.getBigUint64(fieldAt.number);
  if (Number(own) !== number) return `it was written for inode ${own}`;
  for (let at = 0; at < metaUuid.length; at++) {
    if (bytes[fieldAt.uuid + at] !== metaUuid[at]) return 'it belongs to another file system';
  }
  return null;
}
