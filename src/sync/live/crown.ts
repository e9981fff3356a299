/** The part of a target that says what it is: taken away before an epoch is applied, and put back last. */

import type { ByteReader } from '../../../fsparsers/reader.js';
import { digest } from '../../engine/index.js';
import { type ExtentList, extentOf } from '../../region/index.js';
import type { LocalVolume } from '../../volume/index.js';
import { isBlankHead, isMarked, markBytes, markSector } from '../mark.js';

/**
 * The superblocks of ext, XFS and NTFS, partition tables, and that of btrfs at 64 KiB. It is in every
 * epoch.
 */
export const crownBytes = 128 * 1024;

export function crownOf(sizeBytes: number): ExtentList {
  return extentOf(0, Math.min(crownBytes, sizeBytes));
}

export function readCrown(reader: ByteReader): Promise<Uint8Array> {
  return reader.read(0, Math.min(crownBytes, reader.sizeBytes));
}

/** XXH3-128 of the crown as it is now, in hexadecimal. */
export async function crownDigest(reader: ByteReader): Promise<string> {
  return hexOf(await readCrown(reader));
}

/** The same of each of its sectors. */
export async function sectorDigests(reader: ByteReader): Promise<string[]> {
  return sectorsOf(await readCrown(reader)).map(hexOf);
}

/** What an epoch makes of a crown. */
export interface CrownChange {
  readonly runId: string;
  /** Of each sector, as sectorDigests() gives them. */
  readonly before: readonly string[];
  readonly after: Uint8Array;
}

/**
 * Whether a crown is what it was before an epoch, or what it is after it, or what lies between: behind the
 * mark each sector is one of these, or empty. One that is empty altogether was wiped by somebody else.
 */
export function isBetween(crown: Uint8Array, { runId, before, after }: CrownChange): boolean {
  const mark = markSector(runId);
  const [first = mark, ...rest] = sectorsOf(crown);
  const isBefore = (sector: Uint8Array, index: number) => hexOf(sector) === before[index];
  if (!mark.equals(first)) {
    const isEnd = sectorsOf(crown).every(isBefore) || Buffer.compare(crown, after) === 0;
    return isEnd && !isEmpty(crown);
  }
  const later = sectorsOf(after);
  return rest.every(
    (sector, index) =>
      isEmpty(sector) ||
      isBefore(sector, index + 1) ||
      Buffer.compare(sector, later[index + 1] ?? mark) === 0,
  );
}

/** In pieces of what a disk writes whole or not at all, at the least. */
function sectorsOf(crown: Uint8Array): Uint8Array[] {
  const count = Math.ceil(crown.length / markBytes);
  return Array.from({ length: count }, (_, index) =>
    crown.subarray(index * markBytes, (index + 1) * markBytes),
  );
}

function isEmpty(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(digest(bytes)).toString('hex');
}

/** Whether the target is in the middle of being written: marked, or with nothing where its crown was. */
export async function isUnfinished({ reader }: LocalVolume): Promise<boolean> {
  const crown = await readCrown(reader);
  return isMarked(crown) || isBlankHead(crown);
}
