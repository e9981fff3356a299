/**
 * The three generations of journal checksums: v1 sums a whole transaction into its commit block, v2
 * and v3 sum each block. Source: fs/jbd2/recovery.c.
 */

import { crc32c } from '../../checksum.js';
import { blockTailBytes, commitHeaderBytes, superblockBytes } from './layout.js';

const crc32BigEndianTable = new Uint32Array(256).map((_, byte) => {
  let crc = byte << 24;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x80000000 ? (crc << 1) ^ 0x04c11db7 : crc << 1;
  return crc;
});

/** Linux's `crc32_be`: most significant bit first, no inversions. Checksum v1. */
export function crc32BigEndian(seed: number, bytes: Uint8Array): number {
  let crc = seed;
  for (const byte of bytes) {
    crc = (crc << 8) ^ (crc32BigEndianTable[(crc >>> 24) ^ byte] as number);
  }
  return crc >>> 0;
}

/** The seed of all v2 and v3 checksums, from the journal superblock's UUID. */
export function checksumSeed(uuid: Uint8Array): number {
  return crc32c(0xffffffff, uuid);
}

/** CRC-32C of `bytes` as if the 32 bits at `fieldAt` were zero. */
function crc32cWithout(seed: number, bytes: Uint8Array, fieldAt: number): number {
  const before = crc32c(seed, bytes.subarray(0, fieldAt));
  const field = crc32c(before, new Uint8Array(4));
  return crc32c(field, bytes.subarray(fieldAt + 4));
}

function bigEndian32(bytes: Uint8Array, at: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(at);
}

/** The journal superblock's own checksum, with versions 2 and 3. */
export function superblockChecksumHolds(block: Uint8Array): boolean {
  const bytes = block.subarray(0, superblockBytes);
  return bigEndian32(bytes, 0xfc) === crc32cWithout(0xffffffff, bytes, 0xfc);
}

/** A descriptor or revoke block's tail, with versions 2 and 3. */
export function tailChecksumHolds(seed: number, block: Uint8Array): boolean {
  const tailAt = block.length - blockTailBytes;
  return bigEndian32(block, tailAt) === crc32cWithout(seed, block, tailAt);
}

const commitChecksumAt = 0x10;

/**
 * A commit block's checksum, with versions 2 and 3. As the kernel does, it also takes one whose
 * header alone is right: the rest of the block may be stale where a disk wrote less than a block.
 */
export function commitChecksumHolds(seed: number, block: Uint8Array): boolean {
  const provided = bigEndian32(block, commitChecksumAt);
  if (provided === crc32cWithout(seed, block, commitChecksumAt)) return true;
  const headerOnly = new Uint8Array(block.length);
  headerOnly.set(block.subarray(0, commitHeaderBytes));
  return provided === crc32cWithout(seed, headerOnly, commitChecksumAt);
}

/** What a journalled block's tag must hold (v2: its low half), over the block as it lies in the log. */
export function dataChecksum(seed: number, sequence: number, block: Uint8Array): number {
  const sequenceBytes = new Uint8Array(4);
  new DataView(sequenceBytes.buffer).setUint32(0, sequence);
  return crc32c(crc32c(seed, sequenceBytes), block);
}
