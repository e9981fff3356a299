/** The hashes of a manifest: XXH64 for the file's own blocks, its algorithm for the tree. */

import { createHash } from 'node:crypto';
import xxhash from 'xxhash-wasm';
import { digest, type DigestAlgorithm } from '../engine/index.js';

const xxh = await xxhash();

/** XXH64 of a block, seeded with its offset in the file, so that a misplaced block fails its check. */
export function blockChecksum(bytes: Uint8Array, offsetBytes: number): bigint {
  return xxh.h64Raw(bytes, BigInt(offsetBytes));
}

/** An incremental XXH64 without native code. */
export interface RunningXxh64 {
  add(bytes: Uint8Array): void;
  /** In the order that xxhsum prints. */
  end(): Uint8Array;
}

export function runningXxh64(): RunningXxh64 {
  const running = xxh.create64();
  return {
    add: (bytes) => {
      running.update(bytes);
    },
    end: () => bigEndian(running.digest()),
  };
}

function bigEndian(value: bigint): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
}

const hashes: Readonly<Record<DigestAlgorithm, (bytes: Uint8Array) => Uint8Array>> = {
  'xxh3-128': (bytes) => digest(bytes),
  xxh64: (bytes) => bigEndian(xxh.h64Raw(bytes)),
  sha256: (bytes) => createHash('sha256').update(bytes).digest(),
};

/** The digest of `bytes` in the domain `domain`. */
export function hashIn(
  algorithm: DigestAlgorithm,
  domain: string,
  ...bytes: readonly Uint8Array[]
): Uint8Array {
  return hashes[algorithm](Buffer.concat([Buffer.from(domain, 'latin1'), ...bytes]));
}
