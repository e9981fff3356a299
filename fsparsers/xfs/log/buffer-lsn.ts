/**
 * How new a buffer on disk is: since v5 every metadata block carries the log sequence number of its
 * last write, and the log must not be replayed over what is newer (xlog_recover_get_buf_lsn,
 * fs/xfs/xfs_buf_item_recover.c).
 */

import { checksumIsRight, sameBytes, viewOf } from '../bytes.js';
import type { Geometry } from '../superblock.js';

interface Stamp {
  readonly lsnAt: number;
  readonly uuidAt: number;
  /** Where the checksum stands, for blocks this parser goes on to read. */
  readonly crcAt?: number;
}

const shortTree: Stamp = { lsnAt: 24, uuidAt: 32, crcAt: 52 };
const directory: Stamp = { lsnAt: 16, uuidAt: 24 };
/** By the magic number in a block's first four bytes. */
const stamps: ReadonlyMap<number, Stamp> = new Map([
  [0x41423342, shortTree], // by-block free space B+tree
  [0x41423343, shortTree], // by-size free space B+tree
  [0x49414233, shortTree], // inode B+tree
  [0x46494233, shortTree], // free inode B+tree
  [0x524d4233, shortTree], // reverse mapping B+tree
  [0x52334643, shortTree], // reference count B+tree
  [0x424d4133, { lsnAt: 32, uuidAt: 40 }], // block mapping B+tree
  [0x58414746, { lsnAt: 208, uuidAt: 64, crcAt: 216 }], // AGF
  [0x58414749, { lsnAt: 320, uuidAt: 296, crcAt: 312 }], // AGI
  [0x5841464c, { lsnAt: 24, uuidAt: 8, crcAt: 32 }], // AGFL
  [0x58534c4d, { lsnAt: 48, uuidAt: 16 }], // remote symbolic link
  [0x58444233, directory], // directory block
  [0x58444433, directory], // directory data
  [0x58444633, directory], // directory free index
]);
const superblock = { magic: 0x58465342, lsnAt: 240, uuidAt: 32, metaUuidAt: 248, crcAt: 224 };
/** By the two bytes at 8: directory and attribute nodes (struct xfs_da3_blkinfo). */
const nodeMagics: ReadonlySet<number> = new Set([0x3df1, 0x3dff, 0x3bee, 0x3ebe]);
const nodeStamp: Stamp = { lsnAt: 24, uuidAt: 32 };
/** NULLCOMMITLSN: the block never went through the log, as xfs_repair leaves its AGFLs. */
const neverLogged = 0xffff_ffff_ffff_ffffn;

export interface BufferAge {
  /** 0 where the log is replayed over the block whatever its age. */
  readonly lsn: bigint;
  /** One of ours, with a wrong checksum: replay would only paint over the damage. */
  readonly damaged: boolean;
}

const ageless: BufferAge = { lsn: 0n, damaged: false };

export function ageOfBuffer(geometry: Geometry, bytes: Uint8Array): BufferAge {
  const stamp = geometry.version === 5 ? stampOf(geometry, bytes) : undefined;
  if (stamp === undefined || stamp.uuidAt + 16 > bytes.length) return ageless;
  const uuid = bytes.subarray(stamp.uuidAt, stamp.uuidAt + 16);
  if (!sameBytes(uuid, geometry.metaUuid)) return ageless;
  const lsn = viewOf(bytes).getBigUint64(stamp.lsnAt);
  return {
    lsn: lsn === neverLogged ? 0n : lsn,
    damaged: stamp.crcAt !== undefined && !checksumIsRight(bytes, stamp.crcAt),
  };
}

function stampOf(geometry: Geometry, bytes: Uint8Array): Stamp | undefined {
  const view = viewOf(bytes);
  const magic = view.getUint32(0);
  if (magic === superblock.magic) {
    const { lsnAt, crcAt, uuidAt, metaUuidAt } = superblock;
    return { lsnAt, crcAt, uuidAt: geometry.has.metaUuid ? metaUuidAt : uuidAt };
  }
  return stamps.get(magic) ?? (nodeMagics.has(view.getUint16(8)) ? nodeStamp : undefined);
}
