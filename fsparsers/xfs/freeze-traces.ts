/**
 * The parts of an XFS that freezing and thawing rewrite: it covers its log with transactions that change
 * only the superblock's counters (fs/xfs/xfs_log.c, xfs_log_cover). Two logs mean the same if replaying
 * either has the same result.
 */

import { ParseError } from '../errors.js';
import type { Extent } from '../extents.js';
import type { ByteReader } from '../reader.js';
import { readLog } from './log/index.js';
import { type Geometry, readGeometry } from './superblock.js';
import { type MetadataView, onDisk } from './view.js';

/**
 * Parts of the superblock: counters that a mount recomputes from the groups, its checksum, its position
 * in the log.
 */
const checksum = [224, 4] as const; // sb_crc
const lsn = [240, 8] as const; // sb_lsn
const lazyCounts = [128, 24] as const; // sb_icount, sb_ifree, sb_fdblocks

interface Side {
  readonly geometry: Geometry;
  readonly view: MetadataView;
  readonly written: readonly Extent[];
}

export async function xfsFreezeTraces(
  left: ByteReader,
  right: ByteReader,
  differs: (range: Extent) => boolean,
): Promise<readonly Extent[]> {
  const places = await placesOn(left);
  if (!places.some(differs)) return [];
  const [one, other] = [await sideOf(left), await sideOf(right)];
  if (one === null || other === null) return [];
  const superblock = { start: 0, length: one.geometry.sectorBytes };
  for (const range of [superblock, ...one.written, ...other.written]) {
    if (!(await saysTheSame(range, one, other))) return [];
  }
  return places;
}

async function placesOn(reader: ByteReader): Promise<readonly Extent[]> {
  const geometry = await geometryOf(reader);
  if (geometry === null) return [];
  const { startBytes: start, lengthBytes: length } = geometry.log;
  const superblock = { start: 0, length: geometry.sectorBytes };
  return start === null ? [] : [superblock, { start, length }];
}

async function geometryOf(reader: ByteReader): Promise<Geometry | null> {
  try {
    return await readGeometry(reader);
  } catch (error) {
    if (error instanceof ParseError) return null;
    throw error;
  }
}

/** Null if the result of replaying the log is unknown. */
async function sideOf(reader: ByteReader): Promise<Side | null> {
  const geometry = await geometryOf(reader);
  if (geometry === null) return null;
  const log = await readLog(reader, geometry, undefined);
  if (log.state === 'clean') return { geometry, view: onDisk(reader, log.newest), written: [] };
  if (log.state !== 'replayed') return null;
  const written: Extent[] = [];
  log.forEachWritten((start, length) => {
    written.push({ start, length });
  });
  return { geometry, view: log.view, written };
}

async function saysTheSame(range: Extent, one: Side, other: Side): Promise<boolean> {
  const [left, right] = [await lasting(range, one), await lasting(range, other)];
  return left.equals(right);
}

async function lasting({ start, length }: Extent, { view, geometry }: Side): Promise<Buffer> {
  const bytes = Buffer.from(await view.read(start, length));
  if (start > 0) return bytes;
  const counters = geometry.lazyCounts ? [checksum, lsn, lazyCounts] : [checksum, lsn];
  for (const [at, count] of counters) bytes.fill(0, at, at + count);
  return bytes;
}
