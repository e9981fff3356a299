/**
 * Which bytes of which storage a volume occupies. Whether two volumes share storage, and whether one is
 * in use, follows from comparing footprints.
 */

import type { NodeId } from '../node.js';
import type { BlockDevice } from './sysfs.js';

/** A node, or a disk by the name that its hardware gives it, the same on every path to it. */
export type StorageId = NodeId | `hardware:${string}`;

/** Bytes from `start` to `end` of some storage. */
export interface Segment {
  readonly storage: StorageId;
  readonly start: number;
  readonly end: number;
  /**
   * True: the volume's bytes are these bytes. False: they lie somewhere within them, as a file in its
   * file system or a logical volume in its volume group; others may use the rest.
   */
  readonly exact: boolean;
}

export type Footprint = readonly Segment[];

/** How the devices and files of this machine are stacked. */
export interface StorageGraph {
  readonly devices: ReadonlyMap<NodeId, BlockDevice>;
  /** The file or device behind each attached loop device. */
  readonly loopBacking: ReadonlyMap<NodeId, NodeId>;
  /** The devices of the file system that a file lies in. */
  readonly fileHosts: ReadonlyMap<NodeId, readonly NodeId[]>;
}

interface Level {
  readonly node: NodeId;
  readonly start: number;
  readonly end: number;
  readonly exact: boolean;
}

/**
 * The levels directly below one. sysfs does not say which parts of its slaves a device-mapper device
 * uses. LVM and partition mappings (kpartx) never overlap; any other mapping (crypt, linear, multipath,
 * MD) counts as using its slaves whole.
 */
function below({ node, start, end, exact }: Level, graph: StorageGraph): Level[] {
  const device = graph.devices.get(node);
  if (device === undefined) {
    const hosts = graph.fileHosts.get(node) ?? [];
    return hosts.map((host) => ({ node: host, start: 0, end: Infinity, exact: false }));
  }
  const levels: Level[] = [];
  if (device.partition !== null) {
    const { disk, startBytes } = device.partition;
    levels.push({ node: disk, start: startBytes + start, end: startBytes + end, exact });
  }
  const backing = graph.loopBacking.get(node);
  if (device.loop !== null && backing !== undefined) {
    const { offsetBytes } = device.loop;
    levels.push({ node: backing, start: offsetBytes + start, end: offsetBytes + end, exact });
  }
  const shares = /^(LVM-|part\d+-)/.test(device.dm?.uuid ?? '') || device.name.startsWith('bcache');
  for (const slave of slavesOf(device, graph)) {
    levels.push({ node: slave, start: 0, end: Infinity, exact: exact && !shares });
  }
  return levels;
}

function slavesOf(device: BlockDevice, { devices }: StorageGraph): NodeId[] {
  const names = new Set(device.slaves);
  return [...devices.values()].filter(({ name }) => names.has(name)).map(({ node }) => node);
}

function sizeOf(node: NodeId, graph: StorageGraph): number {
  return graph.devices.get(node)?.sizeBytes ?? Infinity;
}

/** The footprint of a device or file, from itself down to the disks. */
export function footprint(node: NodeId, graph: StorageGraph): Footprint {
  const segments: Segment[] = [];
  const seen = new Set<string>();
  const open: Level[] = [{ node, start: 0, end: sizeOf(node, graph), exact: true }];
  for (let level = open.pop(); level !== undefined; level = open.pop()) {
    const end = Math.min(level.end, sizeOf(level.node, graph));
    const segment = { storage: level.node, start: level.start, end, exact: level.exact };
    // A stack has no cycles, but readings of sysfs at different moments might seem to.
    const key = JSON.stringify(segment);
    if (seen.has(key)) continue;
    seen.add(key);
    segments.push(segment);
    const wwid = graph.devices.get(level.node)?.wwid;
    const isDisk = graph.devices.get(level.node)?.partition === null;
    if (isDisk && wwid != null) segments.push({ ...segment, storage: `hardware:${wwid}` });
    open.push(...below({ ...level, end }, graph));
  }
  return segments;
}

function meet(a: Segment, b: Segment): boolean {
  return a.storage === b.storage && a.start < b.end && b.start < a.end;
}

/**
 * True if writing to one can change the other: they share bytes, or one lies within the other. Two files
 * of one file system do not share storage, nor do two logical volumes of one group.
 */
export function sharesStorage(a: Footprint, b: Footprint): boolean {
  return a.some((left) => b.some((right) => meet(left, right) && (left.exact || right.exact)));
}

/**
 * True if whatever uses `user` uses bytes of `volume`. Only the volume's own bytes count, not what it lies
 * within: a disk in use does not make every file on it used. Hardware names do not count: cheap USB
 * bridges give the same name to several disks, and an idle disk would seem busy.
 */
export function touches(user: Footprint, volume: Footprint): boolean {
  return volume.some(
    (own) =>
      own.exact &&
      !own.storage.startsWith('hardware:') &&
      user.some((segment) => meet(segment, own)),
  );
}
