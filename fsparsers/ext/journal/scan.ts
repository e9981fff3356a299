/**
 * Finds the end of the log: which transactions were committed, and what they hold. This is
 * PASS_SCAN of do_one_pass() in fs/jbd2/recovery.c, decision for decision; where that fails the
 * mount, this throws.
 */

import { ParseError } from '../../errors.js';
import { commitChecksumHolds, crc32BigEndian, tailChecksumHolds } from './checksum.js';
import { tagsOf } from './descriptor.js';
import {
  blockHeader,
  blockTypes,
  checksumTypes,
  commitLayout,
  journalMagic,
  revokeLayout,
} from './layout.js';
import type { LogReader } from './log.js';
import { distance, following } from './sequence.js';
import type { JournalSuperblock } from './superblock.js';
import { LoggedWrites, maxLoggedWrites } from './writes.js';

export interface RevokeBlock {
  readonly logBlock: number;
  readonly sequence: number;
}

export interface CommittedLog {
  /** The first transaction that is not replayed; fast commits belong to it. */
  readonly endSequence: number;
  /** How many transactions are replayed. */
  readonly transactions: number;
  readonly writes: LoggedWrites;
  readonly revokes: readonly RevokeBlock[];
}

/** Walks the log from its start. Throws ParseError where the kernel would refuse the journal. */
export async function scanLog(
  log: LogReader,
  superblock: JournalSuperblock,
): Promise<CommittedLog> {
  return new Scan(log, superblock).run();
}

class Scan {
  readonly #log: LogReader;
  readonly #superblock: JournalSuperblock;
  readonly #writes = new LoggedWrites();
  readonly #revokes: RevokeBlock[] = [];

  #position: number;
  #sequence: number;
  /** Blocks gone over so far. A log that is longer than its ring has run into itself. */
  #walked = 0;
  #committedWrites = 0;
  #committedRevokes = 0;
  /** The first transaction whose commit block is bad, or 0: the kernel's `end_transaction`. */
  #badCommit = 0;
  /** A block of this transaction fails its checksum: damage, or a leftover of an older log. */
  #suspect = false;
  #lastCommitSeconds = 0;
  /** Running sum of checksum v1. */
  #crc = 0xffffffff;

  constructor(log: LogReader, superblock: JournalSuperblock) {
    this.#log = log;
    this.#superblock = superblock;
    this.#position = superblock.start;
    this.#sequence = superblock.sequence;
  }

  async run(): Promise<CommittedLog> {
    while (await this.#step());
    const endSequence = this.#badCommit === 0 ? this.#sequence : this.#badCommit;
    this.#writes.truncate(this.#committedWrites);
    return {
      endSequence,
      transactions: distance(this.#superblock.sequence, endSequence),
      writes: this.#writes,
      revokes: this.#revokes.slice(0, this.#committedRevokes),
    };
  }

  /** Takes in one descriptor, commit or revoke block; false at the end of the log. */
  async #step(): Promise<boolean> {
    const at = this.#position;
    const block = await this.#log.read(at);
    const { h_magic, h_blocktype, h_sequence } = blockHeader.decode(block);
    if (h_magic !== journalMagic || h_sequence !== this.#sequence) return false;
    this.#advance(1);
    this.#refuseLoop(at);
    switch (h_blocktype) {
      case blockTypes.descriptor:
        await this.#descriptor(at, block);
        return true;
      case blockTypes.commit:
        return this.#commit(at, block);
      case blockTypes.revoke:
        this.#revoke(at, block);
        return true;
      default:
        return false;
    }
  }

  async #descriptor(at: number, block: Uint8Array): Promise<void> {
    const { checksums, checksumSeed, first, end, blockBytes } = this.#superblock;
    const most = maxLoggedWrites(blockBytes);
    if (!this.#tailHolds(checksumSeed, block)) this.#suspect = true;
    const summing = checksums === 'v1' && this.#badCommit === 0;
    if (summing) this.#crc = crc32BigEndian(this.#crc, block);
    let source = this.#position;
    let count = 0;
    for (const tag of tagsOf(block, this.#superblock)) {
      this.#writes.push({ ...tag, source, sequence: this.#sequence });
      if (summing) this.#crc = crc32BigEndian(this.#crc, await this.#log.read(source));
      source = source + 1 >= end ? first : source + 1;
      count++;
      if (this.#writes.length > most) {
        throw this.#damage(at, 'descriptor block', `the log asks for more than ${most} blocks`);
      }
    }
    this.#advance(count);
  }

  #revoke(at: number, block: Uint8Array): void {
    const { checksumSeed, tailBytes } = this.#superblock;
    const { r_count } = revokeLayout.decode(block);
    if (r_count > block.length - tailBytes) {
      throw this.#damage(at, 'revoke block', `claims ${r_count} bytes of ${block.length}`);
    }
    if (!this.#tailHolds(checksumSeed, block)) this.#suspect = true;
    this.#revokes.push({ logBlock: at, sequence: this.#sequence });
  }

  /** False where the log ends before this commit block. */
  #commit(at: number, block: Uint8Array): boolean {
    const commitSeconds = commitLayout.decode(block).h_commit_sec;
    const older = commitSeconds < this.#lastCommitSeconds;
    if (this.#suspect) {
      // Blocks of the same log have increasing times: an older one was left by an earlier log.
      if (older) return false;
      throw this.#damage(at, 'commit block', 'closes a transaction with a bad checksum');
    }
    if (!this.#commitHolds(at, block)) {
      if (older) return false;
      if (!this.#superblock.asyncCommit) {
        throw this.#damage(at, 'commit block', 'checksum does not match');
      }
      // Its parts may have reached the disk in any order: an interrupted commit, the log's end. But
      // the kernel reads on, to see whether a later one is whole.
      if (this.#badCommit === 0) this.#badCommit = this.#sequence;
    }
    if (this.#badCommit === 0) this.#take(at);
    this.#lastCommitSeconds = commitSeconds;
    this.#sequence = following(this.#sequence);
    return true;
  }

  #take(at: number): void {
    if (this.#walked > this.#ringBlocks)
      throw this.#damage(at, 'commit block', 'log overlaps itself');
    this.#committedWrites = this.#writes.length;
    this.#committedRevokes = this.#revokes.length;
  }

  #commitHolds(at: number, block: Uint8Array): boolean {
    const { checksums, checksumSeed } = this.#superblock;
    if (checksums === 'none') return true;
    if (checksums !== 'v1') return commitChecksumHolds(checksumSeed, block);
    if (this.#badCommit !== 0) {
      throw this.#damage(
        at,
        'commit block',
        `follows transaction ${this.#badCommit}, which is bad`,
      );
    }
    const { h_chksum_type: type, h_chksum_size: size, h_chksum: sum } = commitLayout.decode(block);
    const unused = type === checksumTypes.none && size === 0 && sum === 0;
    const holds = type === checksumTypes.crc32 && size === 4 && sum === this.#crc;
    if (unused || holds) this.#crc = 0xffffffff;
    return unused || holds;
  }

  #tailHolds(seed: number, block: Uint8Array): boolean {
    return this.#superblock.tailBytes === 0 || tailChecksumHolds(seed, block);
  }

  get #ringBlocks(): number {
    return this.#superblock.end - this.#superblock.first;
  }

  #advance(blocks: number): void {
    this.#walked += blocks;
    this.#position += blocks;
    if (this.#position >= this.#superblock.end) this.#position -= this.#ringBlocks;
  }

  /** The kernel would go round for ever in a ring without a commit block. */
  #refuseLoop(at: number): void {
    if (this.#walked <= 2 * this.#ringBlocks + this.#superblock.blockBytes) return;
    throw this.#damage(at, 'journal log', 'goes round without an end');
  }

  #damage(at: number, structure: string, what: string): ParseError {
    return new ParseError('CORRUPT', what, {
      structure: `${structure} of transaction ${this.#sequence}`,
      offsetBytes: this.#log.offsetOf(at),
    });
  }
}
