/** Identifies what a path of this host refers to. */

import type { BigIntStats } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { exitCodes, FastsyncError } from '../../errors.js';
import { reach } from '../../reach.js';
import { withVolumeErrors } from '../errors.js';
import { blockDevice, devicePath, systemRoots, type SystemRoots } from '../host/sysfs.js';
import type { VolumeIdentity } from '../identity.js';
import { deviceNumbers, nodeOfStat, type NodeId } from '../node.js';

/**
 * Identifies the volume at `path`. Rejects with FastsyncError: VOLUME_NOT_FOUND, PERMISSION_DENIED,
 * NOT_A_VOLUME (a directory, socket, ...), SIZE_UNKNOWN, NOT_ANSWERING.
 */
export async function identifyVolume(
  path: string,
  roots: SystemRoots = systemRoots,
): Promise<VolumeIdentity> {
  await reach(path);
  return withVolumeErrors(path, async () => {
    const realPath = await realpath(path);
    const found = await stat(realPath, { bigint: true });
    return describeStorage(path, realPath, found, roots);
  });
}

/** The identity of the storage that a stat result describes: for a volume that is open already. */
export async function describeStorage(
  path: string,
  realPath: string,
  found: BigIntStats,
  roots: SystemRoots = systemRoots,
): Promise<VolumeIdentity> {
  const node = nodeOfStat(found);
  if (node === null) throw notAVolume(path, found);
  return found.isFile()
    ? describeFile(path, realPath, node, Number(found.size))
    : describeDevice(path, realPath, node, found.rdev, roots);
}

function describeFile(
  path: string,
  realPath: string,
  node: NodeId,
  sizeBytes: number,
): VolumeIdentity {
  return {
    path,
    realPath,
    kind: 'file',
    node,
    sizeBytes,
    logicalBlockBytes: 512,
    readOnly: false,
    stableId: realPath,
    model: null,
    serial: null,
    partitionOf: null,
    backingFile: null,
  };
}

async function describeDevice(
  path: string,
  realPath: string,
  node: NodeId,
  rdev: bigint,
  roots: SystemRoots,
): Promise<VolumeIdentity> {
  const { major, minor } = deviceNumbers(rdev);
  const device = await blockDevice(major, minor, roots);
  if (device === null) {
    throw new FastsyncError({
      code: 'SIZE_UNKNOWN',
      exitCode: exitCodes.usage,
      message: `${path} is block device ${major}:${minor}, which ${roots.sys} does not list`,
      remedy: 'attach the device, or mount sysfs',
    });
  }
  if (device.sizeBytes === 0) {
    throw new FastsyncError({
      code: 'NO_DEVICE',
      exitCode: exitCodes.usage,
      message: `${path} is a block device without a size`,
      remedy: 'attach it first: a loop device to its file, a drive to its medium',
    });
  }
  const { partition } = device;
  const diskNumbers = partition?.disk.split(':') ?? [];
  const disk =
    partition === null
      ? null
      : await blockDevice(Number(diskNumbers[1]), Number(diskNumbers[2]), roots);
  return {
    path,
    realPath,
    kind: 'block',
    node,
    sizeBytes: device.sizeBytes,
    logicalBlockBytes: device.logicalBlockBytes,
    readOnly: device.readOnly,
    stableId: (await persistentName(node, roots)) ?? realPath,
    model: device.model,
    serial: device.serial,
    partitionOf: disk === null ? null : devicePath(disk),
    backingFile: device.loop?.file ?? null,
  };
}

/** The best of udev's persistent names: the shortest of by-id, preferably one without a wwn or eui. */
async function persistentName(node: NodeId, { dev }: SystemRoots): Promise<string | null> {
  for (const kind of ['by-id', 'by-partuuid', 'by-path']) {
    const directory = join(dev, 'disk', kind);
    const names = await readdir(directory).catch(() => []);
    const same = await Promise.all(
      names.map(async (name) => {
        const found = await stat(join(directory, name), { bigint: true }).catch(() => null);
        return found !== null && nodeOfStat(found) === node;
      }),
    );
    const rank = (name: string) => (/^(wwn|nvme-eui|dm-uuid)/.test(name) ? 1 : 0);
    const [best] = names
      .filter((_, index) => same[index])
      .sort((a, b) => rank(a) - rank(b) || a.length - b.length || (a < b ? -1 : 1));
    if (best !== undefined) return join(directory, best);
  }
  return null;
}

function kindOf(found: BigIntStats): string {
  if (found.isDirectory()) return 'a directory';
  if (found.isCharacterDevice()) return 'a character device';
  if (found.isFIFO()) return 'a FIFO';
  if (found.isSocket()) return 'a socket';
  return 'neither a block device nor a regular file';
}

/** The error for everything that is neither a block device nor a regular file. */
export function notAVolume(path: string, found: BigIntStats): FastsyncError {
  return new FastsyncError({
    code: 'NOT_A_VOLUME',
    exitCode: exitCodes.usage,
    message: `${path} is ${kindOf(found)}, not a volume`,
    remedy: 'name a block device or an image file',
  });
}
