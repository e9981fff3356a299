/** The write counter of a volume, from the kernel's statistics. */

import type { Stats } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import type { VolumeIdentity } from '../identity.js';

/**
 * Sectors written and sectors discarded, of a block device's `stat` (Documentation/block/stat.rst).
 * Not the counts of requests: a flush, which changes nothing, counts as one.
 */
const writeFields = [6, 13];

/** File times advance with the kernel's clock tick, 10 ms at most: two writes within it look like one. */
const tickMs = 20;

/**
 * A text that stays the same as long as nothing is written to the volume. For a block device: the boot
 * ID, the attachment (diskseq), and the kernel's count of writes and discards. For a file: inode, size
 * and change times. Null where the kernel does not count, or not here (an old kernel, a container).
 */
export async function writeCounterOf(identity: VolumeIdentity): Promise<string | null> {
  const text = identity.kind === 'file' ? fileCounter(identity.realPath) : deviceCounter(identity);
  return text.catch(() => null);
}

async function fileCounter(path: string): Promise<string> {
  const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
  return `file ${dev}:${ino} size ${size} modified ${mtimeNs} changed ${ctimeNs}`;
}

async function deviceCounter(volume: VolumeIdentity): Promise<string | null> {
  const directory = deviceDirectory(volume);
  const disk = volume.partitionOf === null ? directory : `${directory}/..`;
  const read = async (path: string) => (await readFile(path, 'utf8')).trim();
  // Without I/O accounting the counters never change.
  if ((await read(`${disk}/queue/iostats`)) !== '1') return null;
  const counters = (await read(`${directory}/stat`)).split(/\s+/);
  const parts = [
    `boot ${await read('/proc/sys/kernel/random/boot_id')}`,
    `device ${volume.node} seq ${await read(`${disk}/diskseq`)}`,
    `writes ${writeFields.map((field) => counters[field] ?? '-').join(' ')}`,
  ];
  if (volume.backingFile !== null) parts.push(await fileCounter(volume.backingFile));
  return parts.join(', ');
}

/** Whether a file was written so recently that another write now may leave its times as they are. */
export function isJustWritten({ mtimeMs, ctimeMs }: Stats): boolean {
  return Math.abs(Date.now() - Math.max(mtimeMs, ctimeMs)) < tickMs;
}

/** Whether writes to a device are in flight: the kernel counts a write when it completes. */
export async function hasWritesInFlight(volume: VolumeIdentity): Promise<boolean> {
  // Reads and writes in flight (Documentation/ABI/stable/sysfs-block).
  const text = await readFile(`${deviceDirectory(volume)}/inflight`, 'utf8');
  return Number(text.trim().split(/\s+/)[1]) > 0;
}

function deviceDirectory({ node }: VolumeIdentity): string {
  return `/sys/dev/block/${node.slice('block:'.length)}`;
}
