/** Opens a local volume for reading or writing, and makes sure that it is the one that was looked at. */

import { constants } from 'node:fs';
import { open, stat, type FileHandle } from 'node:fs/promises';
import { forgetDescriptor, nameDescriptor } from '../../descriptors.js';
import { descriptorEndpoint, type EndpointDescription } from '../../engine/index.js';
import { exitCodes, FastsyncError } from '../../errors.js';
import { withVolumeErrors } from '../errors.js';
import { describeStorage, identifyVolume, type VolumeIdentity } from '../identity.js';
import { nodeOfStat } from './node.js';
import { FileByteReader } from './reader.js';
import { systemRoots, type SystemRoots } from '../host/sysfs.js';

/** An open volume. `await using` or close() gives it back. */
export interface LocalVolume {
  readonly identity: VolumeIdentity;
  readonly handle: FileHandle;
  /** The volume as a side of an engine job. Valid until close(). */
  readonly endpoint: EndpointDescription;
  readonly fd: number;
  readonly reader: FileByteReader;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface OpenOptions {
  /** Default: for reading only. */
  readonly write?: boolean;
  /** With `write`: take a block device exclusively, so that nothing mounts it meanwhile. Default true. */
  readonly exclusive?: boolean;
  /** What a look at the path found before; rejects with VOLUME_CHANGED if it is something else now. */
  readonly expected?: VolumeIdentity;
  readonly roots?: SystemRoots;
}

/**
 * Opens the volume at `path`. Rejects with FastsyncError as identifyVolume does, and with READ_ONLY,
 * TARGET_IN_USE (the kernel or another process holds the device exclusively) and VOLUME_CHANGED.
 *
 * O_EXCL without O_CREAT is the kernel's claim on a block device (bd_claim), which mounts, md, dm,
 * swap and other careful tools take as well. For regular files there is no such thing: the run's lock
 * (lock.ts) keeps other runs away, and the writers' list (users.ts) shows everybody else.
 */
export async function openVolume(path: string, options: OpenOptions = {}): Promise<LocalVolume> {
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
      // A file target gets another size on purpose; a device of another size is another device.
      const isResized = identity.kind === 'block' && identity.sizeBytes !== before.sizeBytes;
      if (identity.node !== before.node || isResized) throw changed(path);
      return new OpenVolume(identity, handle);
    } catch (error) {
      await handle.close();
      throw error;
    }
  });
}

/** Whether a file still lies where it was opened; what has no name any more is nobody's replica. */
export async function isInPlace({ identity, handle }: LocalVolume): Promise<boolean> {
  if (identity.kind !== 'file') return true;
  const there = await stat(identity.realPath, { bigint: true }).catch(() => null);
  return there !== null && nodeOfStat(there) === nodeOfStat(await handle.stat({ bigint: true }));
}

class OpenVolume implements LocalVolume {
  readonly identity: VolumeIdentity;
  readonly handle: FileHandle;
  readonly reader: FileByteReader;

  constructor(identity: VolumeIdentity, handle: FileHandle) {
    this.identity = identity;
    this.handle = handle;
    this.reader = new FileByteReader(handle, identity.path, identity.sizeBytes);
    nameDescriptor(handle.fd, identity.path);
  }

  get endpoint(): EndpointDescription {
    return descriptorEndpoint(this.handle.fd);
  }

  get fd(): number {
    return this.handle.fd;
  }

  close(): Promise<void> {
    forgetDescriptor(this.handle.fd);
    return this.handle.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
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
    message: `${path} is no longer the volume that was checked a moment ago`,
    remedy: 'make sure that nothing replaces it, and try again',
  });
}
