/** The signature area: its digests, and whether it is in transition from one epoch to the next. */

import type { ByteReader } from '../../../fsparsers/reader.js';
import { digest } from '../../engine/index.js';
import { headerBytes, signatureAreaBytes, stampBytes } from './sizes.js';
import { stampSector } from './stamp.js';

/** Everything that a seed clears first. */
export function readHeader(reader: ByteReader): Promise<Uint8Array> {
  return reader.read(0, Math.min(headerBytes, reader.sizeBytes));
}

export function readSignatureArea(reader: ByteReader): Promise<Uint8Array> {
  return reader.read(0, Math.min(signatureAreaBytes, reader.sizeBytes));
}

/** XXH3-128 of the signature area as it is now, in hexadecimal. */
export async function signatureAreaDigest(reader: ByteReader): Promise<string> {
  return hexOf(await readSignatureArea(reader));
}

/** The digest of each of its sectors. */
export async function sectorDigests(reader: ByteReader): Promise<string[]> {
  return sectorsOf(await readSignatureArea(reader)).map(hexOf);
}

/** How an epoch changes a signature area. */
export interface SignatureAreaChange {
  readonly runId: string;
  /** The digest of each sector, as sectorDigests() returns them. */
  readonly before: readonly string[];
  readonly after: Uint8Array;
}

/**
 * Whether a signature area is in the state before an epoch, after it, or in between: after the stamp,
 * each sector is one of these, or empty. An area that is completely empty was wiped by somebody else.
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

/** Split into the units that a disk writes atomically. */
function sectorsOf(signatureArea: Uint8Array): Uint8Array[] {
  const count = Math.ceil(signatureArea.length / stampBytes);
  return Array.from({ length: count }, (_, index) =>
    signatureArea.subarray(index * stampBytes, (index + 1) * stampBytes),
  );
}

function isEmpty(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

/** XXH3-128, in hexadecimal. */
export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(digest(bytes)).toString('hex');
}
