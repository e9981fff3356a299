/**
 * Finds the fast commits that belong to the log's end, and which blocks their replay will refer to.
 * Mirrors fc_do_one_pass() in fs/jbd2/recovery.c and ext4_fc_replay_scan() in fs/ext4/fast_commit.c;
 * where those fail the mount, this throws.
 */

import { crc32c } from '../../checksum.js';
import { ParseError } from '../../errors.js';
import { decodeExtent, decodeExtentNode } from '../extents.js';
import type { ExtGeometry } from '../geometry.js';
import { decodeInode, inodeFlags } from '../inode.js';
import {
  addRangeLayout,
  delRangeBytes,
  dentryBytes,
  fastCommitTags,
  headLayout,
  inodeHeader,
  maxNameBytes,
  minInodeBytes,
  tagHeader,
  tailLayout,
} from './fastcommitlayout.js';
import type { LogReader } from './log.js';

/** Blocks of the file system. */
export interface BlockRange {
  readonly block: number;
  readonly count: number;
}

export interface FastCommits {
  readonly commits: number;
  /** The ranges that replay will give to files or refer to; not sorted, may overlap. */
  readonly claimed: readonly BlockRange[];
}

/** The most claims, more than any real fast-commit area can hold; limits memory. */
const maxClaims = 1 << 20;

/**
 * Scans the journal blocks from `first` to before `end` for commits on top of the last full one.
 * `sequence` is the first transaction that the log does not hold. Rejects with ParseError where the
 * kernel would refuse the journal.
 */
export async function scanFastCommits(
  log: LogReader,
  geometry: ExtGeometry,
  { first, end }: { readonly first: number; readonly end: number },
  sequence: number,
): Promise<FastCommits> {
  const scan = new FastCommitScan(geometry, sequence);
  for (let logBlock = first; logBlock < end; logBlock++) {
    const block = await log.read(logBlock);
    const isEmpty = logBlock === first && tagHeader.decode(block).fc_tag !== fastCommitTags.head;
    if (isEmpty || !scan.block(block, log.offsetOf(logBlock))) return scan.result();
  }
  // The kernel and e2fsck read on behind the journal's end, and fail.
  throw damage('UNSUPPORTED', 'fills its area to the end, which fails its replay', log.offsetOf(0));
}

interface Tag {
  readonly tag: number;
  /** The whole tag, header included. */
  readonly bytes: Uint8Array;
  readonly value: Uint8Array;
  readonly offsetBytes: number;
}

class FastCommitScan {
  readonly #geometry: ExtGeometry;
  readonly #sequence: number;
  readonly #claims: BlockRange[] = [];
  #validClaims = 0;
  #commits = 0;
  /** Over the tags since the last tail. Begins at 0, unlike all other checksums of ext4. */
  #crc = 0;

  constructor(geometry: ExtGeometry, sequence: number) {
    this.#geometry = geometry;
    this.#sequence = sequence;
  }

  result(): FastCommits {
    return { commits: this.#commits, claimed: this.#claims.slice(0, this.#validClaims) };
  }

  /** Takes in one block; false at the end of the valid commits. */
  block(block: Uint8Array, offsetBytes: number): boolean {
    let at = 0;
    while (at + tagHeader.sizeBytes <= block.length) {
      const { fc_tag: tag, fc_len: length } = tagHeader.decode(block, at);
      const valueAt = at + tagHeader.sizeBytes;
      const next = valueAt + length;
      const place = offsetBytes + at;
      if (next > block.length || !this.#lengthIsValid(tag, length)) {
        return this.#stopAt(place, `tag ${tag} of ${length} bytes`);
      }
      const bytes = block.subarray(at, next);
      const value = block.subarray(valueAt, next);
      if (!this.#tag({ tag, bytes, value, offsetBytes: place })) return false;
      at = next;
    }
    return true;
  }

  #tag(tag: Tag): boolean {
    switch (tag.tag) {
      case fastCommitTags.head:
        if (!this.#head(tag)) return false;
        break;
      case fastCommitTags.tail:
        return this.#tail(tag);
      case fastCommitTags.addRange:
        this.#addRange(tag);
        break;
      case fastCommitTags.inode:
        this.#inode(tag.value);
        break;
    }
    this.#crc = crc32c(this.#crc, tag.bytes);
    return true;
  }

  #head({ value, offsetBytes }: Tag): boolean {
    const { fc_features, fc_tid } = headLayout.decode(value);
    if (fc_features !== 0) {
      throw damage('UNSUPPORTED', `has features 0x${fc_features.toString(16)}`, offsetBytes);
    }
    return fc_tid === this.#sequence;
  }

  #tail({ bytes, value, offsetBytes }: Tag): boolean {
    const { fc_tid, fc_crc } = tailLayout.decode(value);
    const sum = crc32c(this.#crc, bytes.subarray(0, tagHeader.sizeBytes + 4));
    this.#crc = 0;
    if (fc_tid !== this.#sequence || fc_crc !== sum) {
      return this.#stopAt(offsetBytes, 'its tail does not match');
    }
    this.#validClaims = this.#claims.length;
    this.#commits++;
    return true;
  }

  /** Anything after complete commits ends them; without a complete commit, the kernel rejects the journal. */
  #stopAt(offsetBytes: number, what: string): false {
    if (this.#commits === 0) throw damage('CORRUPT', what, offsetBytes);
    return false;
  }

  #addRange({ value, offsetBytes }: Tag): void {
    const { physical, blocks } = decodeExtent(addRangeLayout.decode(value).fc_ex, 0);
    if (!this.#isInside(physical, blocks)) {
      throw damage('CORRUPT', `adds ${blocks} blocks from block ${physical} on`, offsetBytes);
    }
    this.#claim(physical, blocks, offsetBytes);
  }

  /**
   * Replay keeps the block map that the inode has on disk, so what the logged body refers to needs
   * no claim by the kernel's way of doing it; it is claimed for those who do it another way.
   */
  #inode(value: Uint8Array): void {
    const inode = decodeInode(
      value.subarray(inodeHeader.sizeBytes),
      inodeHeader.decode(value).fc_ino,
    );
    if (this.#isInside(inode.attributeBlock, 1)) this.#claim(inode.attributeBlock, 1, 0);
    if ((inode.flags & inodeFlags.extents) === 0) return;
    const root = decodeExtentNode(inode.block);
    if (typeof root === 'string') return;
    const referred =
      'extents' in root ? root.extents : root.children.map((child) => ({ ...child, blocks: 1 }));
    for (const { physical, blocks } of referred) {
      if (this.#isInside(physical, blocks)) this.#claim(physical, blocks, 0);
    }
  }

  #claim(block: number, count: number, offsetBytes: number): void {
    if (this.#claims.length === maxClaims) {
      throw damage('UNSUPPORTED', `claims more than ${maxClaims} ranges`, offsetBytes);
    }
    this.#claims.push({ block, count });
  }

  #isInside(block: number, count: number): boolean {
    const { firstDataBlock, blocksCount } = this.#geometry;
    return block > 0 && block >= firstDataBlock && block + count <= blocksCount;
  }

  /** ext4_fc_value_len_isvalid(). */
  #lengthIsValid(tag: number, length: number): boolean {
    switch (tag) {
      case fastCommitTags.addRange:
        return length === addRangeLayout.sizeBytes;
      case fastCommitTags.delRange:
        return length === delRangeBytes;
      case fastCommitTags.create:
      case fastCommitTags.link:
      case fastCommitTags.unlink:
        return length > dentryBytes && length <= dentryBytes + maxNameBytes;
      case fastCommitTags.inode: {
        const bodyBytes = length - inodeHeader.sizeBytes;
        return bodyBytes >= minInodeBytes && bodyBytes <= this.#geometry.inodeBytes;
      }
      case fastCommitTags.pad:
        return true;
      case fastCommitTags.tail:
        return length >= tailLayout.sizeBytes;
      case fastCommitTags.head:
        return length === headLayout.sizeBytes;
      default:
        return false;
    }
  }
}

function damage(code: 'CORRUPT' | 'UNSUPPORTED', what: string, offsetBytes: number): ParseError {
  return new ParseError(code, what, { structure: 'fast commit', offsetBytes });
}
