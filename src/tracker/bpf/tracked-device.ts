/** The disk whose tracepoints show the writes to a volume, and the part of it that the volume takes. */

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
 * Finds the device to track. An image file is tracked through the loop device that it is attached to
 * as a whole. Rejects with TRACKER_UNSUPPORTED.
 */
export async function trackedDeviceOf(volume: VolumeIdentity): Promise<TrackedDevice> {
  const node = volume.kind === 'file' ? await loopOf(volume) : volume.node;
  const disk = await diskFacts(node);
  if (disk === null) throw unsupported(`${volume.path} is no longer attached`, 'attach it again');
  const refusal = refusals.find(({ applies }) => applies(disk));
  if (refusal !== undefined) {
    throw unsupported(
      `writes to ${volume.path} cannot be tracked: ${refusal.what}`,
      refusal.remedy,
    );
  }
  return { node, disk };
}

/** How the device has changed since it was found, as a clause; null if it has not. */
export async function changeOf({ node, disk }: TrackedDevice): Promise<string | null> {
  const now = await diskFacts(node);
  if (now?.major !== disk.major || now.minor !== disk.minor || now.sequence !== disk.sequence) {
    return 'the device was detached after the tracker was started';
  }
  if (now.startBytes !== disk.startBytes || now.sizeBytes !== disk.sizeBytes) {
    return 'the size or the start of the device changed after the tracker was started';
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
        ? `${path} is a file, and the kernel reports writes to block devices only`
        : `${path} is attached to several loop devices`,
      'attach it to one loop device (losetup --find --show), and write through that device',
    );
  }
  return device.node;
}

interface Refusal {
  readonly applies: (disk: DiskFacts) => boolean;
  readonly what: string;
  readonly remedy: string;
}

const below = 'track a logical volume on it, or the devices below it';

/** Devices whose writes the kernel does not report, or not when they complete. */
const refusals: readonly Refusal[] = [
  {
    applies: ({ isZoned }) => isZoned,
    what: 'it is zoned, and a zone reset is not reported as a write',
    remedy: 'copy it without the online options',
  },
  {
    applies: ({ isDirectlyMapped }) => isDirectlyMapped,
    what: 'it is memory that file systems can write to directly (DAX)',
    remedy: 'use the namespace in sector mode (ndctl)',
  },
  {
    applies: ({ name, hasRequests }) =>
      !hasRequests && /^(ram|zram|pmem|btt)/.test(name) && kernelBefore(6, 3),
    what: 'before Linux 6.3 the kernel can write single pages to it past the block layer',
    remedy: 'use a loop device on a file in memory instead',
  },
  {
    applies: ({ hasRequests, mdLevel }) =>
      !hasRequests && mdLevel !== null && !/^raid(1|4|5|6|10)$/.test(mdLevel),
    what: 'the kernel does not report when a write to an array of this level completes',
    remedy: below,
  },
  {
    applies: ({ hasRequests, name, mdLevel }) =>
      !hasRequests && mdLevel === null && !/^(dm-|ram|zram)\d/.test(name),
    what: 'the kernel does not report when a write to a device of this kind completes',
    remedy: below,
  },
];

function kernelBefore(major: number, minor: number): boolean {
  const [ownMajor = 0, ownMinor = 0] = release().split('.').map(Number);
  return ownMajor < major || (ownMajor === major && ownMinor < minor);
}
