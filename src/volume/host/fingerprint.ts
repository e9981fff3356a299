/** What must be the same for something to be the same volume, whatever it is called: names pass from one to another. */

import { readFile, stat } from 'node:fs/promises';
import type { VolumeIdentity } from '../identity.js';
import { systemRoots, type SystemRoots } from './sysfs.js';

/**
 * A text that another volume under the same name does not have: of a file its inode, of a loop device that
 * of what it stands on, of a device what hardware or device-mapper calls it. Of a device without such a
 * name it lasts as long as it stays attached, and no longer than the host is up.
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
