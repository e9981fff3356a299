/**
 * The beginning of a target, in the parts in which it is taken away before a run and put back after it:
 *
 *     stamp           1 sector   written whole or not at all, also when the power fails
 *     first block     4 KiB      the superblock of ext, XFS or NTFS, an MBR, the header of a GPT
 *     signature area  128 KiB    and the superblock of btrfs at 64 KiB: what an epoch takes away. It is in
 *                                every epoch, so it is no larger than it has to be
 *     header          1 MiB      and whatever else may stand before the first partition: what a seed takes
 *                                away, which is done once
 */

import { type ExtentList, extentOf } from '../../region/index.js';
import type { Volume } from '../../volume/index.js';

/** One sector, of the smallest kind. */
export const stampBytes = 512;
export const firstBlockBytes = 4096;
export const signatureAreaBytes = 128 * 1024;
export const headerBytes = 1024 * 1024;

/** What a stamp takes of a volume: a whole sector of the device's own size; nothing of one that is smaller. */
export function stampSectorBytes({ identity }: Volume): number {
  // What shared the sector with the stamp would be a signature still.
  return identity.sizeBytes < stampBytes ? 0 : Math.max(stampBytes, identity.logicalBlockBytes);
}

export function signatureAreaOf(sizeBytes: number): ExtentList {
  return extentOf(0, Math.min(signatureAreaBytes, sizeBytes));
}
