/** Takes the tags out of a descriptor block: which blocks follow it in the log, and whose they are. */

import {
  blockHeader,
  tagChecksumV2,
  tagChecksumV3,
  tagFlags,
  tagHighWord,
  tagLayout,
  tagUuidBytes,
} from './layout.js';
import type { JournalSuperblock } from './superblock.js';

export interface Tag {
  /** File system block that the logged block belongs to. */
  readonly target: number;
  readonly checksum: number;
  readonly escaped: boolean;
}

/** The tags of a descriptor block, in order; ends with the one marked last, or with the block. */
export function* tagsOf(block: Uint8Array, superblock: JournalSuperblock): Generator<Tag> {
  const { tagBytes, tailBytes } = superblock;
  let at = blockHeader.sizeBytes;
  while (at + tagBytes <= block.length - tailBytes) {
    const { t_blocknr, t_flags } = tagLayout.decode(block, at);
    yield {
      target: t_blocknr + (superblock.bits64 ? highWord(block, at) : 0),
      checksum: checksumOf(block, at, superblock),
      escaped: (t_flags & tagFlags.escaped) !== 0,
    };
    if ((t_flags & tagFlags.last) !== 0) return;
    at += tagBytes + ((t_flags & tagFlags.sameUuid) === 0 ? tagUuidBytes : 0);
  }
}

function highWord(block: Uint8Array, at: number): number {
  return tagHighWord.decode(block, at).t_blocknr_high * 2 ** 32;
}

function checksumOf(block: Uint8Array, at: number, { checksums }: JournalSuperblock): number {
  if (checksums === 'v3') return tagChecksumV3.decode(block, at).t_checksum;
  return checksums === 'v2' ? tagChecksumV2.decode(block, at).t_checksum : 0;
}
