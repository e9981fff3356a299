/** Where the kernel will say that a volume is written: which disk, which part of it. */

import { release } from 'node:os';
import {
  blockDevices,
  diskFacts,
  type DiskFacts,
  type NodeId,
  type VolumeIdentity,
} from '../../volume/index.js';
import { unsupported } from './errors.js';

export interface TrackedDevice {
  readonly node: NodeId;
  readonly disk: DiskFacts;
}

/**
 * Finds the device to watch. An image file is watched through the loop device that it is attached to,
 * as a whole. Rejects with TRACKER_UNSUPPORTED.
 */
export async function trackedDeviceOf(volume: VolumeIdentity): Promise<TrackedDevice> {
  const node = volume.kind === 'file' ? await loopOf(volume) : volume.node;
  const disk = await diskFacts(node);
  if (disk === null) throw unsupported(`${volume.path} is gone`, 'attach it again');
  const refusal = refusals.find(({ applies }) => applies(disk));
  if (refusal !== undefined) {
    throw unsupported(
      `writes to ${volume.path} cannot be tracked: ${refusal.what}`,
      refusal.remedy,
    );
  }
  return { node, disk };
}

/** A sentence if the device is no longer the one that was found; null if it is. */
export async function changeOf({ node, disk }: TrackedDevice): Promise<string | null> {
  const now = await diskFacts(node);
  if (now?.major !== disk.major || now.minor !== disk.minor || now.sequence !== disk.sequence) {
    return 'the device was detached since the tracker was started';
  }
  if (now.startBytes !== disk.startBytes || now.sizeBytes !== disk.sizeBytes) {
    return 'the device has another size or place since the tracker was started';
  }
  return null;
}

async function loopOf({ path, realPath }: VolumeIdentity): Promise<NodeId> {
  const loops = (await blockDevices()).filter(({ loop }) => loop?.file === realPath);
  const whole = loops.filter(({ loop }) => loop?.offsetBytes === 0 && loop.sizeLimitBytes === 0);
  const [device] = whole;
  if (device === undefined || loops.length > 1) {
    throw unsupported(
      device === undefined
        ? `${path} is a file, and the kernel shows writes to devices only`
        : `${path} is attached to several loop devices`,
      'attach it to one loop device (losetup --find --show), and write through that',
    );
  }
  return device.node;
}

interface Refusal {
  readonly applies: (disk: DiskFacts) => boolean;
  readonly what: string;
  readonly remedy: string;
}

const below = 'track a logical volume on it, or the devices that it stands on';

/** Devices whose writes the kernel does not show, or not when they complete. */
const refusals: readonly Refusal[] = [
  {
    applies: ({ isZoned }) => isZoned,
    what: 'it is zoned, and resetting a zone is no write',
    remedy: 'leave it to its own file system',
  },
  {
    applies: ({ isDirectlyMapped }) => isDirectlyMapped,
    what: 'it is memory that file systems can write to directly (DAX)',
    remedy: 'use the namespace in sector mode (ndctl)',
  },
  {
    applies: ({ name, hasRequests }) =>
      !hasRequests && /^(ram|zram|pmem|btt)/.test(name) && kernelBefore(6, 3),
    what: 'before Linux 6.3 single pages can be written to it past the block layer',
    remedy: 'use a loop device on a file in memory instead',
  },
  {
    applies: ({ hasRequests, mdLevel }) =>
      !hasRequests && mdLevel !== null && !/^raid(1|4|5|6|10)$/.test(mdLevel),
    what: 'arrays of this level do not show when a write completes',
    remedy: below,
  },
  {
    applies: ({ hasRequests, name, mdLevel }) =>
      !hasRequests && mdLevel === null && !/^(dm-|ram|zram)\d/.test(name),
    what: 'devices of this kind do not show when a write completes',
    remedy: below,
  },
];

function kernelBefore(major: number, minor: number): boolean {
  const [ownMajor = 0, ownMinor = 0] = release().split('.').map(Number);
  return ownMajor < major || (ownMajor === major && ownMinor < minor);
}
