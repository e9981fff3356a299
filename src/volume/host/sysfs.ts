/**
 * The block devices of this machine and how they are stacked, read from sysfs
 * (Documentation/ABI/stable/sysfs-block, testing/sysfs-block-dm, testing/sysfs-block-loop).
 */

import { readdir, readFile, realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { ifAbsent } from '../../errors.js';
import { blockNode, type NodeId } from '../node.js';

/** Where the kernel's pseudo file systems are mounted; tests use trees of their own. */
export interface SystemRoots {
  readonly sys: string;
  readonly proc: string;
  readonly dev: string;
}

export const systemRoots: SystemRoots = { sys: '/sys', proc: '/proc', dev: '/dev' };

export interface LoopBacking {
  /** The path in sysfs; a deleted file's ends in " (deleted)". */
  readonly file: string;
  readonly offsetBytes: number;
  /** 0: up to the end of the file. */
  readonly sizeLimitBytes: number;
}

export interface BlockDevice {
  readonly node: NodeId;
  /** The kernel's name: "sda1", "dm-0". */
  readonly name: string;
  readonly sizeBytes: number;
  readonly readOnly: boolean;
  readonly logicalBlockBytes: number;
  /** The disk that this is a partition of, and where on it. */
  readonly partition: { readonly disk: NodeId; readonly startBytes: number } | null;
  /** The devices below a dm, md or bcache device, by the kernel's names. */
  readonly slaves: readonly string[];
  /** The devices on top that hold this one open. */
  readonly holders: readonly string[];
  readonly dm: { readonly name: string; readonly uuid: string } | null;
  readonly loop: LoopBacking | null;
  readonly model: string | null;
  readonly serial: string | null;
  /** The hardware's world-wide name: the same on every path to one disk. */
  readonly wwid: string | null;
}

/** sysfs counts in sectors of 512 bytes, whatever the device's own sector is. */
const sectorBytes = 512;

/** An attribute without its line end; null if it is missing or empty. */
export async function attribute(directory: string, name: string): Promise<string | null> {
  const text = (await readFile(join(directory, name), 'utf8').catch(ifAbsent(''))).trim();
  return text === '' ? null : text;
}

export async function numberAttribute(directory: string, name: string): Promise<number> {
  return Number((await attribute(directory, name)) ?? 0);
}

async function entries(directory: string): Promise<string[]> {
  const names = await readdir(directory).catch(ifAbsent([]));
  return names.sort();
}

async function nodeOf(directory: string): Promise<NodeId | null> {
  const numbers = (await attribute(directory, 'dev'))?.split(':');
  return numbers === undefined ? null : blockNode(Number(numbers[0]), Number(numbers[1]));
}

async function readPartition(directory: string): Promise<BlockDevice['partition']> {
  if ((await attribute(directory, 'partition')) === null) return null;
  const disk = await nodeOf(dirname(directory));
  if (disk === null) return null;
  return { disk, startBytes: (await numberAttribute(directory, 'start')) * sectorBytes };
}

async function readLoop(directory: string): Promise<LoopBacking | null> {
  const file = await attribute(directory, 'loop/backing_file');
  if (file === null) return null;
  return {
    file,
    offsetBytes: await numberAttribute(directory, 'loop/offset'),
    sizeLimitBytes: await numberAttribute(directory, 'loop/sizelimit'),
  };
}

async function readDm(directory: string): Promise<BlockDevice['dm']> {
  const name = await attribute(directory, 'dm/name');
  return name === null ? null : { name, uuid: (await attribute(directory, 'dm/uuid')) ?? '' };
}

/** Reads one device from its directory; null if it was detached meanwhile. */
async function readDevice(directory: string): Promise<BlockDevice | null> {
  const node = await nodeOf(directory);
  if (node === null) return null;
  const partition = await readPartition(directory);
  const disk = partition === null ? directory : dirname(directory);
  return {
    node,
    name: basename(directory),
    sizeBytes: (await numberAttribute(directory, 'size')) * sectorBytes,
    readOnly: (await numberAttribute(directory, 'ro')) !== 0,
    logicalBlockBytes: (await numberAttribute(disk, 'queue/logical_block_size')) || sectorBytes,
    partition,
    slaves: await entries(join(directory, 'slaves')),
    holders: await entries(join(directory, 'holders')),
    dm: await readDm(directory),
    loop: await readLoop(directory),
    model: await attribute(disk, 'device/model'),
    serial: (await attribute(disk, 'serial')) ?? (await attribute(disk, 'device/serial')),
    wwid: (await attribute(disk, 'wwid')) ?? (await attribute(disk, 'device/wwid')),
  };
}

/** Reads the device that a symbolic link leads to; null if it was detached. */
function readDeviceAt(link: string): Promise<BlockDevice | null> {
  return realpath(link).then(readDevice).catch(ifAbsent(null));
}

/** The device with these numbers, or null if sysfs does not list it. */
export async function blockDevice(
  major: number,
  minor: number,
  { sys }: SystemRoots = systemRoots,
): Promise<BlockDevice | null> {
  return readDeviceAt(join(sys, 'dev/block', `${major}:${minor}`));
}

/** All block devices of this machine. */
export async function blockDevices({ sys }: SystemRoots = systemRoots): Promise<BlockDevice[]> {
  const classDirectory = join(sys, 'class/block');
  const found = await Promise.all(
    (await entries(classDirectory)).map((name) => readDeviceAt(join(classDirectory, name))),
  );
  return found.filter((device) => device !== null);
}

/** The path that people know a device by: "/dev/sda1", "/dev/mapper/vg-root". */
export function devicePath(device: Pick<BlockDevice, 'name' | 'dm'>): string {
  return device.dm === null
    ? `/dev/${device.name.replaceAll('!', '/')}`
    : `/dev/mapper/${device.dm.name}`;
}
