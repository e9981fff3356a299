/** Evidence that nobody wrote to a volume between two moments: what makes a checkpoint trustworthy. */

import { readFile, stat } from 'node:fs/promises';
import type { LocalVolume, VolumeIdentity } from '../volume/index.js';

/**
 * Sectors written and sectors discarded, of a block device's `stat` (Documentation/block/stat.rst).
 * Not the counts of requests: a flush, which changes nothing, counts as one.
 */
const writeFields = [6, 13];

/**
 * A text that stays the same as long as nothing was written to the volume, or null where that cannot
 * be known. For a block device: this boot, this attachment (diskseq), the kernel's count of its
 * writes and discards. For a file: inode, size, and its times of change.
 */
export async function writeCounterText(volume: LocalVolume): Promise<string | null> {
  const { identity } = volume;
  try {
    // What was written before and still lies in the cache must not count as written from now on.
    await volume.handle.sync();
    return identity.kind === 'file'
      ? await fileCounterText(identity.realPath)
      : await deviceCounterText(identity);
  } catch {
    // No such file in /proc or /sys: an older kernel, a container. Then nothing is known.
    return null;
  }
}

async function fileCounterText(path: string): Promise<string> {
  const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
  return `file ${dev}:${ino} size ${size} modified ${mtimeNs} changed ${ctimeNs}`;
}

async function deviceCounterText(volume: VolumeIdentity): Promise<string | null> {
  const directory = `/sys/dev/block/${volume.node.slice('block:'.length)}`;
  const disk = volume.partitionOf === null ? directory : `${directory}/..`;
  const read = async (path: string) => (await readFile(path, 'utf8')).trim();
  // Without accounting the counters stand still whatever happens.
  if ((await read(`${disk}/queue/iostats`)) !== '1') return null;
  const counters = (await read(`${directory}/stat`)).split(/\s+/);
  const parts = [
    `boot ${await read('/proc/sys/kernel/random/boot_id')}`,
    `device ${volume.node} seq ${await read(`${disk}/diskseq`)}`,
    `writes ${writeFields.map((field) => counters[field] ?? '-').join(' ')}`,
  ];
  if (volume.backingFile !== null) parts.push(await fileCounterText(volume.backingFile));
  return parts.join(', ');
}
