/**
 * The parts at the start of a target that are cleared before a run and written at its end:
 *
 *     stamp           1 sector   which a disk writes atomically, even if the power fails
 *     first block     4 KiB      the superblock of ext, XFS or NTFS, an MBR, the header of a GPT
 *     signature area  128 KiB    includes the superblock of btrfs at 64 KiB: cleared by every epoch, and
 *                                part of every epoch, so it is no larger than necessary
 *     header          1 MiB      includes whatever else may be before the first partition: cleared by a
 *                                seed, once
 */

import { type ExtentList, extentOf } from '../../region/index.js';
import type { Volume } from '../../volume/index.js';

/** One sector of the smallest size. */
export const stampBytes = 512;
export const firstBlockBytes = 4096;
export const signatureAreaBytes = 128 * 1024;
export const headerBytes = 1024 * 1024;

/** How much of a volume a stamp takes: a whole sector of the device's own size; nothing on a smaller volume. */
export function stampSectorBytes({ identity }: Volume): number {
  // The rest of the sector must not hold a signature, so it belongs to the stamp.
  return identity.sizeBytes < stampBytes ? 0 : Math.max(stampBytes, identity.logicalBlockBytes);
}

export function signatureAreaOf(sizeBytes: number): ExtentList {
  return extentOf(0, Math.min(signatureAreaBytes, sizeBytes));
}
