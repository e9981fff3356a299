/** The file systems that a run's own paths lie on: it has to wait for those anyway. */

import { stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { reach } from '../../reach.js';
import { mountOf, type MountLine } from './mount-table.js';
import { deviceNumbers, nodeOfStat, type NodeId } from '../node.js';
import type { BlockDevice } from './sysfs.js';

/**
 * The superblocks ("0:45") that the paths lie on, existing or not, and those of the files behind loop
 * devices at or below the paths. Rejects with NOT_ANSWERING.
 */
export async function superblocksOf(
  paths: readonly string[],
  devices: ReadonlyMap<NodeId, BlockDevice>,
  table: readonly MountLine[],
): Promise<ReadonlySet<string>> {
  const superblocks = new Set<string>();
  for (const given of paths) {
    await reach(given);
    const found = await nearest(resolve(given));
    const node = nodeOfStat(found);
    if (node === null || node.startsWith('file:')) {
      const { major, minor } = deviceNumbers(found.dev);
      superblocks.add(`${major}:${minor}`);
      continue;
    }
    for (const file of filesBelow(node, devices)) {
      const mount = mountOf(file, table);
      if (mount !== null) superblocks.add(mount.device);
    }
  }
  return superblocks;
}

/** Stat of the path, or of the nearest existing directory above it. */
async function nearest(place: string) {
  for (let at = place; ; at = dirname(at)) {
    const found = await stat(at, { bigint: true }).catch(() => null);
    if (found !== null) return found;
    if (at === '/') throw new Error('the root directory cannot be examined');
  }
}

/** The files behind all loop devices from a device down to the disks. */
function filesBelow(top: NodeId, devices: ReadonlyMap<NodeId, BlockDevice>): string[] {
  const names = new Map([...devices.values()].map((device) => [device.name, device]));
  const files: string[] = [];
  const seen = new Set<BlockDevice>();
  const open = [devices.get(top)];
  for (let device = open.pop(); open.length > 0 || device !== undefined; device = open.pop()) {
    if (device === undefined || seen.has(device)) continue;
    seen.add(device);
    if (device.loop !== null) files.push(device.loop.file);
    if (device.partition !== null) open.push(devices.get(device.partition.disk));
    open.push(...device.slaves.map((name) => names.get(name)));
  }
  return files;
}
