/** The guest's disks: what the host makes, and what they are called inside. */

import { mebibyte } from '../../tracker/support.js';
import type { GuestDisk } from '../guest.js';

export const smallBytes = 32 * mebibyte;
/** The smallest that mkfs.xfs makes a file system on. */
const largeBytes = 304 * mebibyte;

export const guestDisks: readonly GuestDisk[] = [
  { bus: 'virtio', bytes: smallBytes },
  { bus: 'virtio', bytes: smallBytes },
  { bus: 'virtio', bytes: largeBytes },
  { bus: 'virtio', bytes: largeBytes },
  { bus: 'nvme', bytes: smallBytes },
  { bus: 'scsi', bytes: smallBytes },
];

export const disks = {
  small: '/dev/vda',
  otherSmall: '/dev/vdb',
  large: '/dev/vdc',
  otherLarge: '/dev/vdd',
  nvme: '/dev/nvme0n1',
  scsi: '/dev/sda',
} as const;
