/**
 * The parts of an ext superblock that freezing and thawing rewrites, and whether two superblocks
 * otherwise mean the same; and what a mounted file system writes by itself.
 */

import { ParseError } from '../errors.js';
import type { Extent } from '../extents.js';
import { readMmp } from './mmp.js';
import { readStructure, type ByteReader } from '../reader.js';
import { readSuperblock, superblockBytes, superblockOffsetBytes } from './superblock.js';

const place: Extent = { start: superblockOffsetBytes, length: superblockBytes };

/** Written by each ext4_commit_super(): the time, and the amount written so far. */
const counters = [
  [0x30, 4], // s_wtime
  [0x178, 8], // s_kbytes_written
  [0x274, 1], // s_wtime_hi
  [0x3fc, 4], // s_checksum, which was found right
] as const;

/** Set while it is mounted for writing, and cleared while it is frozen. */
const incompatAt = 0x60;
const needsRecovery = 1 << 2;
const roCompatAt = 0x64;
const orphanPresent = 1 << 16;

export async function extFreezeTraces(
  left: ByteReader,
  right: ByteReader,
  differs: (range: Extent) => boolean,
): Promise<readonly Extent[]> {
  const beat = await heartbeat(left, right, differs);
  if (!differs(place)) return beat;
  const [one, other] = [await lasting(left), await lasting(right)];
  return one !== null && other !== null && one.equals(other) ? [...beat, place] : beat;
}

/** The block of multiple mount protection, which a mounted file system writes every few seconds. */
async function heartbeat(
  left: ByteReader,
  right: ByteReader,
  differs: (range: Extent) => boolean,
): Promise<readonly Extent[]> {
  const one = await readMmp(left);
  if (one === null || !differs(one)) return [];
  const other = await readMmp(right);
  return other?.start === one.start ? [{ start: one.start, length: one.length }] : [];
}

/** The superblock without the parts that a freeze rewrites; null if it is not one, or its checksum is wrong. */
async function lasting(reader: ByteReader): Promise<Buffer | null> {
  try {
    await readSuperblock(reader);
    const bytes = await readStructure(reader, 'superblock', place.start, place.length);
    const words = Buffer.from(bytes);
    for (const [at, length] of counters) words.fill(0, at, at + length);
    words.writeUInt32LE((words.readUInt32LE(incompatAt) & ~needsRecovery) >>> 0, incompatAt);
    words.writeUInt32LE((words.readUInt32LE(roCompatAt) & ~orphanPresent) >>> 0, roCompatAt);
    return words;
  } catch (error) {
    if (error instanceof ParseError) return null;
    throw error;
  }
}
