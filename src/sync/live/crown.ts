/** The part of a target that says what it is: taken away before an epoch is applied, and put back last. */

import type { ByteReader } from '../../../fsparsers/reader.js';
import { digest } from '../../engine/index.js';
import { type ExtentList, extentOf } from '../../region/index.js';
import type { LocalVolume } from '../../volume/index.js';
import { isBlankHead, isMarked } from '../mark.js';

/**
 * The superblocks of ext, XFS and NTFS, partition tables, and that of btrfs at 64 KiB. It is in every
 * epoch.
 */
export const crownBytes = 128 * 1024;

export function crownOf(sizeBytes: number): ExtentList {
  return extentOf(0, Math.min(crownBytes, sizeBytes));
}

function readCrown(reader: ByteReader): Promise<Uint8Array> {
  return reader.read(0, Math.min(crownBytes, reader.sizeBytes));
}

/** XXH3-128 of the crown as it is now, in hexadecimal. */
export async function crownDigest(reader: ByteReader): Promise<string> {
  return Buffer.from(digest(await readCrown(reader))).toString('hex');
}

/** Whether the target is in the middle of being written: marked, or with nothing where its crown was. */
export async function isUnfinished({ reader }: LocalVolume): Promise<boolean> {
  const crown = await readCrown(reader);
  return isMarked(crown) || isBlankHead(crown);
}
