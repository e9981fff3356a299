/** Distinguishes a volume from another one that later gets the same name. */

import { readFile, stat } from 'node:fs/promises';
import type { VolumeIdentity } from '../identity.js';
import { systemRoots, type SystemRoots } from './sysfs.js';

/**
 * A text that another volume under the same name does not have: the inode of a file, or of the file
 * behind a loop device; the name that the hardware or device-mapper gives a device. For a device without
 * such a name it is valid until the device is detached or the host restarts.
 */
export async function fingerprintOf(
  { kind, node, realPath, stableId, sizeBytes, partitionOf, backingFile }: VolumeIdentity,
  { sys, proc }: SystemRoots = systemRoots,
): Promise<string> {
  if (kind === 'file') return inodeOf(realPath);
  if (stableId.startsWith('/dev/disk/by-id/')) return `${stableId} ${sizeBytes}`;
  const directory = `${sys}/dev/block/${node.slice('block:'.length)}`;
  const read = (path: string) => readFile(path, 'utf8').then((text) => text.trim());
  const ask = (path: string) => read(path).catch(() => '');
  if (backingFile !== null) {
    const offset = await ask(`${directory}/loop/offset`);
    return `loop ${offset} ${sizeBytes} on ${await inodeOf(backingFile)}`;
  }
  const disk = partitionOf === null ? directory : `${directory}/..`;
  const mapping = await ask(`${directory}/dm/uuid`);
  if (mapping !== '') return `dm ${mapping} ${sizeBytes}`;
  const boot = await ask(`${proc}/sys/kernel/random/boot_id`);
  return `attached ${boot} ${node} ${await ask(`${disk}/diskseq`)} ${sizeBytes}`;
}

async function inodeOf(path: string): Promise<string> {
  const found = await stat(path, { bigint: true }).catch(() => null);
  return found === null ? `gone ${path}` : `inode ${found.ino} born ${found.birthtimeNs}`;
}
