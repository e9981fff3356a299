/**
 * Works out which blocks the log replaces, without writing any: PASS_REVOKE and PASS_REPLAY of
 * do_one_pass() in fs/jbd2/recovery.c.
 */

import { ParseError } from '../../errors.js';
import { dataChecksum } from './checksum.js';
import { revokeHeaderBytes, revokeLayout } from './layout.js';
import type { LogReader } from './log.js';
import { BlockOverlay } from './overlay.js';
import type { CommittedLog } from './scan.js';
import { isAfter } from './sequence.js';
import type { JournalSuperblock } from './superblock.js';
import type { LoggedWrite } from './writes.js';

export interface ReplayInput {
  readonly log: LogReader;
  readonly superblock: JournalSuperblock;
  readonly committed: CommittedLog;
  /** Whole blocks of the file system's device: a write beyond them fails the kernel's replay. */
  readonly deviceBlocks: number;
  /** Whether a block of the file system is part of the journal itself. */
  readonly isJournal: (block: number) => boolean;
}

export interface Replay {
  readonly blocks: BlockOverlay;
  /** Logged blocks that a later revoke record keeps from being written. */
  readonly revokedWrites: number;
}

/** Throws ParseError where the kernel's replay would report failure. */
export async function replayLog(input: ReplayInput): Promise<Replay> {
  const { log, superblock, committed } = input;
  const blocks = new BlockOverlay(committed.writes.distinctTargets());
  const revocations = await readRevocations(input, blocks);
  let revokedWrites = 0;
  for (let index = 0; index < committed.writes.length; index++) {
    const write = committed.writes.at(index);
    const slot = blocks.find(write.target);
    if (revocations.revokes(slot, write.sequence)) {
      revokedWrites++;
      continue;
    }
    await verifyData(log, superblock, write);
    refuseTarget(input, write);
    blocks.place(slot, write.source, write.escaped);
  }
  return { blocks: blocks.placed(), revokedWrites };
}

/** For each replaced block, the last transaction that revoked it. */
class Revocations {
  readonly #sequences: Uint32Array;
  readonly #revoked: Uint8Array;

  constructor(slots: number) {
    this.#sequences = new Uint32Array(slots);
    this.#revoked = new Uint8Array(slots);
  }

  add(slot: number, sequence: number): void {
    const known = this.#revoked[slot] === 1;
    if (known && !isAfter(sequence, this.#sequences[slot] as number)) return;
    this.#revoked[slot] = 1;
    this.#sequences[slot] = sequence;
  }

  /** A record revokes what its own transaction and earlier ones logged, never what later ones did. */
  revokes(slot: number, sequence: number): boolean {
    return this.#revoked[slot] === 1 && !isAfter(sequence, this.#sequences[slot] as number);
  }
}

async function readRevocations(input: ReplayInput, blocks: BlockOverlay): Promise<Revocations> {
  const { bits64, revokeRecordBytes } = input.superblock;
  const revocations = new Revocations(blocks.length);
  for (const { logBlock, sequence } of input.committed.revokes) {
    const block = await input.log.read(logBlock);
    const view = new DataView(block.buffer, block.byteOffset, block.byteLength);
    const { r_count } = revokeLayout.decode(block);
    for (let at = revokeHeaderBytes; at + revokeRecordBytes <= r_count; at += revokeRecordBytes) {
      const target = bits64 ? Number(view.getBigUint64(at)) : view.getUint32(at);
      const slot = blocks.find(target);
      if (slot !== -1) revocations.add(slot, sequence);
    }
  }
  return revocations;
}

async function verifyData(
  log: LogReader,
  { checksums, checksumSeed }: JournalSuperblock,
  write: LoggedWrite,
): Promise<void> {
  if (checksums !== 'v2' && checksums !== 'v3') return;
  const sum = dataChecksum(checksumSeed, write.sequence, await log.read(write.source));
  if ((checksums === 'v2' ? sum & 0xffff : sum) === write.checksum) return;
  throw new ParseError('CORRUPT', 'checksum does not match', {
    structure: `logged block of transaction ${write.sequence}`,
    offsetBytes: log.offsetOf(write.source),
  });
}

function refuseTarget({ log, deviceBlocks, isJournal }: ReplayInput, write: LoggedWrite): void {
  const refuse = (what: string) => {
    throw new ParseError('CORRUPT', `belongs to block ${write.target}, ${what}`, {
      structure: `logged block of transaction ${write.sequence}`,
      offsetBytes: log.offsetOf(write.source),
    });
  };
  if (write.target >= deviceBlocks) refuse(`behind the device's ${deviceBlocks}`);
  if (isJournal(write.target)) refuse('which is part of the journal itself');
}
