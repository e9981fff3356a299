/** The common parts of every block of a manifest: a tag, a length, and a checksum at its end. */

import { blockTags, checksumBytes, type BlockKind } from './format.js';
import { blockChecksum } from './hashes.js';

/** Puts the checksum into the last bytes of a block that will stand at `offsetBytes`. */
export function putChecksum(block: Buffer, offsetBytes: number): Buffer {
  const end = block.length - checksumBytes;
  block.writeBigUInt64LE(blockChecksum(block.subarray(0, end), offsetBytes), end);
  return block;
}

/** Whether the block ends with the checksum that putChecksum() writes at this offset. */
export function hasValidChecksum(block: Buffer, offsetBytes: number): boolean {
  const end = block.length - checksumBytes;
  return (
    end >= 0 && block.readBigUInt64LE(end) === blockChecksum(block.subarray(0, end), offsetBytes)
  );
}

export function tagOf(kind: BlockKind): Buffer {
  return Buffer.from(blockTags[kind], 'latin1');
}
