/** Breaks journals in ways that a checksum does not give away: changes a field, then mends the sums. */

import { crc32c } from '../../fsparsers/checksum.js';
import type { Random } from './random.js';

const magic = 0xc03b3998;

/** What there is to break in an image, as byte offsets; blocks are file system blocks. */
export interface Targets {
  readonly blockBytes: number;
  /** The journal's superblock. */
  readonly superblock: number;
  /** Descriptor, commit and revoke blocks. */
  readonly headers: readonly number[];
  /** Blocks of fast commits. */
  readonly fastCommits: readonly number[];
  /** Other fields: the journal inode's block map, the file system's words on its journal. */
  readonly fields: readonly number[];
}

/** Finds the structures of a journal that lies in `ranges` of the image. */
export function targetsIn(
  image: Buffer,
  blockBytes: number,
  ranges: readonly { readonly start: number; readonly length: number }[],
  fields: readonly number[],
): Targets {
  const headers: number[] = [];
  const fastCommits: number[] = [];
  let superblock = 0;
  for (const { start, length } of ranges) {
    for (let at = start; at < start + length; at += blockBytes) {
      const type = image.readUInt32BE(at + 4);
      if (image.readUInt32BE(at) === magic) {
        if (type === 4 || type === 3) superblock = at;
        else headers.push(at);
      } else if (looksLikeFastCommit(image, at)) fastCommits.push(at);
    }
  }
  return { blockBytes, superblock, headers, fastCommits, fields };
}

function looksLikeFastCommit(image: Buffer, at: number): boolean {
  const tag = image.readUInt16LE(at);
  return tag >= 1 && tag <= 9 && image.readUInt16LE(at + 2) > 4 && image.readUInt16LE(at + 2) < 300;
}

const telling: readonly number[] = [
  0,
  1,
  2,
  3,
  5,
  7,
  8,
  12,
  16,
  255,
  256,
  1023,
  1024,
  1025,
  0x7fff,
  0xffff,
  0x10000,
  0x7fffffff,
  0x80000000,
  0xfffffffe,
  0xffffffff,
  magic,
];

/** Makes one to four changes to the image, in place; half of the time mends checksums over them. */
export function mutate(image: Buffer, targets: Targets, random: Random): void {
  const changes = random.between(1, 5);
  const touched = new Set<number>();
  for (let change = 0; change < changes; change++)
    touched.add(changeSomething(image, targets, random));
  if (random.next() < 0.3) return;
  for (const block of touched) mend(image, targets, block);
}

/** Returns the beginning of the block that was changed. */
function changeSomething(image: Buffer, targets: Targets, random: Random): number {
  const { superblock, headers, fastCommits, fields, blockBytes } = targets;
  const kinds = [superblock, random.pick(headers), random.pick(headers)];
  if (fastCommits.length > 0) kinds.push(random.pick(fastCommits), random.pick(fastCommits));
  const block = random.pick(kinds);
  if (random.next() < 0.15) {
    change(image, random.pick(fields), random);
    return block;
  }
  // Most fields of interest lie in the first bytes, and all of a commit block's.
  const isCommit = image.readUInt32BE(block) === magic && image.readUInt32BE(block + 4) === 2;
  const within = isCommit ? 0x40 : random.pick([0x60, 0x60, 0x100, blockBytes]);
  if (random.next() < 0.08)
    image.copyWithin(block, random.pick(kinds), random.pick(kinds) + blockBytes);
  else change(image, block + random.between(0, within / 4) * 4, random);
  return block;
}

function change(image: Buffer, at: number, random: Random): void {
  const old = image.readUInt32BE(at);
  const value = random.pick([
    random.pick(telling),
    random.between(0, 2 ** 32),
    old + random.between(-3, 4),
    old ^ (1 << random.between(0, 32)),
  ]);
  const width = random.pick([1, 2, 4, 4]);
  const written = Buffer.alloc(4);
  if (random.next() < 0.5) written.writeUInt32BE(value >>> 0);
  else written.writeUInt32LE(value >>> 0);
  written.copy(image, at, 0, width);
}

function mend(image: Buffer, targets: Targets, at: number): void {
  const { blockBytes, superblock } = targets;
  const block = image.subarray(at, at + blockBytes);
  if (at === superblock) {
    sum(image.subarray(at, at + 1024), 0xfc, 0xffffffff);
    return;
  }
  const seed = crc32c(0xffffffff, image.subarray(superblock + 0x30, superblock + 0x40));
  if (image.readUInt32BE(at) !== magic) mendFastCommit(block);
  else if (image.readUInt32BE(at + 4) === 2) sum(block, 0x10, seed);
  else sum(block, blockBytes - 4, seed);
}

function sum(bytes: Buffer, fieldAt: number, seed: number): void {
  bytes.writeUInt32BE(0, fieldAt);
  bytes.writeUInt32BE(crc32c(seed, bytes), fieldAt);
}

/** Sums each tail over the tags before it; good for commits of one block, which is what most are. */
function mendFastCommit(block: Buffer): void {
  let crc = 0;
  for (let at = 0; at + 12 <= block.length;) {
    const next = at + 4 + block.readUInt16LE(at + 2);
    if (next > block.length) return;
    if (block.readUInt16LE(at) === 8) {
      block.writeUInt32LE(crc32c(crc, block.subarray(at, at + 8)), at + 8);
      crc = 0;
    } else crc = crc32c(crc, block.subarray(at, next));
    at = next;
  }
}
