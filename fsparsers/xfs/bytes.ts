/** Small helpers for XFS's big-endian structures: checksums, UUIDs, comparisons. */

import { crc32c } from '../checksum.js';

const zeros = new Uint8Array(4);

/**
 * Whether a structure's CRC-32C is right. XFS computes it over the whole structure with the field
 * itself as zeros, and stores it little-endian (fs/xfs/libxfs/xfs_cksum.h).
 */
export function checksumIsRight(bytes: Uint8Array, crcAt: number): boolean {
  return storedChecksum(bytes, crcAt) === checksumOf(bytes, crcAt);
}

/** The CRC-32C that belongs at `crcAt` in this structure. */
export function checksumOf(bytes: Uint8Array, crcAt: number): number {
  let crc = crc32c(0xffffffff, bytes, 0, crcAt);
  crc = crc32c(crc, zeros);
  crc = crc32c(crc, bytes, crcAt + 4);
  return ~crc >>> 0;
}

function storedChecksum(bytes: Uint8Array, crcAt: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(crcAt, true);
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

/** A view for reading numbers out of bytes that may lie anywhere in a larger buffer. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Canonical text of a UUID. */
export function uuidText(bytes: Uint8Array): string {
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20, 32),
  ].join('-');
}
