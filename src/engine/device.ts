/** Small questions to one open file or device, apart from any job. */

import { nameOfDescriptor } from '../descriptors.js';
import { addon } from './addon.js';
import { EngineError } from './error.js';
import type { DeviceInfo } from './types.js';
import { byteCount, descriptor, wholeNumber } from './validate.js';

const largestReadBytes = 256 * 2 ** 20;

/** What the kernel says about `fd`. Throws an error in Node's own shape when it is not open. */
export function deviceInfo(fd: number): DeviceInfo {
  return addon().deviceInfo(descriptor('fd', fd));
}

/**
 * The numbers ("8:1") of the block device that a path leads to, by what the kernel has cached of it: no
 * server of FUSE, NFS, SMB or Ceph is asked. Null where it is no block device.
 */
export function cachedDevice(path: string): Promise<string | null> {
  return addon().cachedDevice(path);
}

/**
 * Where a file's next data begins, at `offsetBytes` or behind it; null where there is none up to its end.
 * Of a file system that keeps no account of holes everything is data. Rejects with EngineError.
 */
export async function nextData(fd: number, offsetBytes: number): Promise<number | null> {
  byteCount('offsetBytes', offsetBytes);
  const found = await addon().nextData(descriptor('fd', fd), offsetBytes);
  if (typeof found !== 'number') throw new EngineError(found, nameOfDescriptor(fd));
  return found < 0 ? null : found;
}

/**
 * Reads `lengthBytes` from `offsetBytes` past the page cache: what is on the device, not what a
 * mounted file system has yet to write there. Rejects with EngineError, also beyond the end.
 */
export async function readPast(
  fd: number,
  offsetBytes: number,
  lengthBytes: number,
): Promise<Uint8Array> {
  descriptor('fd', fd);
  byteCount('offsetBytes', offsetBytes);
  wholeNumber('lengthBytes', lengthBytes, { least: 1, most: largestReadBytes });
  const answer = await addon().readPast(fd, offsetBytes, lengthBytes);
  if (!(answer instanceof Uint8Array)) throw new EngineError(answer, nameOfDescriptor(fd));
  return answer;
}
