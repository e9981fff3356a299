/** Opens a volume of this host, and makes sure that it is the one that was identified before. */

import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { exitCodes, FastsyncError } from '../../errors.js';
import { withVolumeErrors } from '../errors.js';
import type { VolumeIdentity } from '../identity.js';
import { describeStorage, identifyVolume } from './identify.js';
import { systemRoots, type SystemRoots } from '../host/sysfs.js';
import type { HostVolume } from '../volume.js';
import { LocalVolume } from './volume.js';

export interface OpenOptions {
  /** Default false: for reading only. */
  readonly write?: boolean;
  /** With `write`: claim a block device exclusively, so that nothing can mount it. Default true. */
  readonly exclusive?: boolean;
  /** What the path was before; rejects with VOLUME_CHANGED if it is something else now. */
  readonly expected?: VolumeIdentity;
  readonly roots?: SystemRoots;
}

/**
 * Opens the volume at `path`. Rejects with FastsyncError as identifyVolume does, and with READ_ONLY,
 * TARGET_IN_USE (the kernel or another process holds the device exclusively) and VOLUME_CHANGED.
 *
 * O_EXCL without O_CREAT is the kernel's claim on a block device (bd_claim), which mounts, md, dm,
 * swap and other careful tools take as well. Regular files have no such claim: the run's lock (lock.ts)
 * keeps other runs away, and host/writers.ts finds every other writer.
 */
export function openVolume(path: string, options: OpenOptions = {}): Promise<HostVolume> {
  return openLocal(path, options);
}

/** As openVolume(), for what needs the descriptor. */
export async function openLocal(path: string, options: OpenOptions = {}): Promise<LocalVolume> {
  const { write = false, exclusive = true, expected, roots = systemRoots } = options;
  const before = expected ?? (await identifyVolume(path, roots));
  if (write && before.readOnly) throw readOnly(path);
  const claim = write && exclusive && before.kind === 'block' ? constants.O_EXCL : 0;
  const access = write ? constants.O_RDWR : constants.O_RDONLY;
  return withVolumeErrors(path, async () => {
    const handle = await open(before.realPath, access | claim);
    try {
      const found = await handle.stat({ bigint: true });
      const identity = await describeStorage(path, before.realPath, found, roots);
      // The run resizes a file target itself; a device of another size is another device.
      const isResized = identity.kind === 'block' && identity.sizeBytes !== before.sizeBytes;
      if (identity.node !== before.node || isResized) throw changed(path);
      return new LocalVolume(identity, handle);
    } catch (error) {
      await handle.close();
      throw error;
    }
  });
}

function readOnly(path: string): FastsyncError {
  return new FastsyncError({
    code: 'READ_ONLY',
    exitCode: exitCodes.usage,
    message: `${path} is a read-only device`,
    remedy: 'choose another target, or make it writable (blockdev --setrw, losetup without -r)',
  });
}

function changed(path: string): FastsyncError {
  return new FastsyncError({
    code: 'VOLUME_CHANGED',
    exitCode: exitCodes.refused,
    message: `${path} is no longer the volume that was checked`,
    remedy: 'make sure that nothing replaces it, then try again',
  });
}
