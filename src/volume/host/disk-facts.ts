/** The kernel's facts about the disk under a block device, and where on it the device lies. */

import { access, realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { NodeId } from '../node.js';
import { attribute, numberAttribute, systemRoots, type SystemRoots } from './sysfs.js';

export interface DiskFacts {
  /** The kernel's name of the disk: "sda", "dm-0". */
  readonly name: string;
  readonly major: number;
  readonly minor: number;
  /**
   * Different for each attachment and each medium (Documentation/ABI/stable/sysfs-block, "diskseq"):
   * a loop device that was detached and attached again has a new one.
   */
  readonly sequence: string | null;
  /** The part of the disk that the device is: a partition, or all of it. */
  readonly startBytes: number;
  readonly sizeBytes: number;
  /** The driver works on requests (blk-mq); else on bios, as stacked and memory devices do. */
  readonly hasRequests: boolean;
  readonly isZoned: boolean;
  /** Memory that file systems may write to directly (DAX). */
  readonly isDirectlyMapped: boolean;
  /** "raid1"; null if it is not an md device. */
  readonly mdLevel: string | null;
}

const sectorBytes = 512;

/** Null if the device is gone. */
export async function diskFacts(
  node: NodeId,
  { sys }: SystemRoots = systemRoots,
): Promise<DiskFacts | null> {
  const [, numbers = ''] = /^block:(.+)$/.exec(node) ?? [];
  const own = await realpath(join(sys, 'dev/block', numbers)).catch(() => null);
  if (own === null) return null;
  const isPartition = (await attribute(own, 'partition')) !== null;
  const disk = isPartition ? dirname(own) : own;
  const [major, minor] = ((await attribute(disk, 'dev')) ?? '').split(':').map(Number);
  if (major === undefined || minor === undefined) return null;
  const zoned = await attribute(disk, 'queue/zoned');
  return {
    name: disk.slice(disk.lastIndexOf('/') + 1),
    major,
    minor,
    sequence: await attribute(disk, 'diskseq'),
    startBytes: isPartition ? (await numberAttribute(own, 'start')) * sectorBytes : 0,
    sizeBytes: (await numberAttribute(own, 'size')) * sectorBytes,
    hasRequests: await exists(join(disk, 'mq')),
    isZoned: zoned !== null && zoned !== 'none',
    isDirectlyMapped: (await attribute(disk, 'queue/dax')) === '1',
    mdLevel: await attribute(disk, 'md/level'),
  };
}

/** Writes that are in flight on a disk now, as the kernel counts them. */
export async function writesInFlight(
  diskName: string,
  { sys }: SystemRoots = systemRoots,
): Promise<number> {
  const text = await attribute(join(sys, 'block', diskName), 'inflight');
  return Number(text?.split(/\s+/)[1] ?? 0);
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
