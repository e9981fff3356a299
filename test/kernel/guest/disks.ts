/** The guest's disks: what the host makes, and what they are called inside. */

import { mebibyte } from '../../tracker/support.js';

export const smallBytes = 32 * mebibyte;
/** The smallest that mkfs.xfs makes a file system on. */
const largeBytes = 304 * mebibyte;

export const diskBytes: readonly number[] = [smallBytes, smallBytes, largeBytes, largeBytes];

export const disks = {
  small: '/dev/vda',
  otherSmall: '/dev/vdb',
  large: '/dev/vdc',
  otherLarge: '/dev/vdd',
} as const;
