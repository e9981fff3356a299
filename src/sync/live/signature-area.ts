/** The part of a target that says what it is: taken away before an epoch is applied, and put back last. */

import type { ByteReader } from '../../../fsparsers/reader.js';
import { digest } from '../../engine/index.js';
import { type ExtentList, extentOf } from '../../region/index.js';
import type { Volume } from '../../volume/index.js';
import { isBlankStart, isStamped, stampBytes, stampSector } from '../stamp.js';

/**
 * The superblocks of ext, XFS and NTFS, partition tables, and that of btrfs at 64 KiB. It is in every
 * epoch.
 */
export const signatureAreaBytes = 128 * 1024;

export function signatureAreaOf(sizeBytes: number): ExtentList {
  return extentOf(0, Math.min(signatureAreaBytes, sizeBytes));
}

export function readSignatureArea(reader: ByteReader): Promise<Uint8Array> {
  return reader.read(0, Math.min(signatureAreaBytes, reader.sizeBytes));
}

/** XXH3-128 of the signature area as it is now, in hexadecimal. */
export async function signatureAreaDigest(reader: ByteReader): Promise<string> {
  return hexOf(await readSignatureArea(reader));
}

/** The same of each of its sectors. */
export async function sectorDigests(reader: ByteReader): Promise<string[]> {
  return sectorsOf(await readSignatureArea(reader)).map(hexOf);
}

/** What an epoch makes of a signature area. */
export interface SignatureAreaChange {
  readonly runId: string;
  /** Of each sector, as sectorDigests() gives them. */
  readonly before: readonly string[];
  readonly after: Uint8Array;
}

/**
 * Whether a signature area is what it was before an epoch, or what it is after it, or what lies between: behind the
 * mark each sector is one of these, or empty. One that is empty altogether was wiped by somebody else.
 */
export function isBetween(
  signatureArea: Uint8Array,
  { runId, before, after }: SignatureAreaChange,
): boolean {
  const stamp = stampSector(runId);
  const [first = stamp, ...rest] = sectorsOf(signatureArea);
  const isBefore = (sector: Uint8Array, index: number) => hexOf(sector) === before[index];
  if (!stamp.equals(first)) {
    const isEnd =
      sectorsOf(signatureArea).every(isBefore) || Buffer.compare(signatureArea, after) === 0;
    return isEnd && !isEmpty(signatureArea);
  }
  const later = sectorsOf(after);
  return rest.every(
    (sector, index) =>
      isEmpty(sector) ||
      isBefore(sector, index + 1) ||
      Buffer.compare(sector, later[index + 1] ?? stamp) === 0,
  );
}

/** In pieces of what a disk writes whole or not at all, at the least. */
function sectorsOf(signatureArea: Uint8Array): Uint8Array[] {
  const count = Math.ceil(signatureArea.length / stampBytes);
  return Array.from({ length: count }, (_, index) =>
    signatureArea.subarray(index * stampBytes, (index + 1) * stampBytes),
  );
}

function isEmpty(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(digest(bytes)).toString('hex');
}

/** Whether the target is in the middle of being written: marked, or with nothing where its signature area was. */
export async function isUnfinished({ reader }: Volume): Promise<boolean> {
  const signatureArea = await readSignatureArea(reader);
  return isStamped(signatureArea) || isBlankStart(signatureArea);
}
