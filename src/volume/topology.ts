/** How volumes stand on each other: what lies below one, what lies above it, and whether two overlap. */

import { stat } from 'node:fs/promises';
import type { VolumeIdentity } from './identity.js';
import { nodeOfStat, type NodeId } from './node.js';
import { blockDevices, type BlockDevice, type SystemRoots, systemRoots } from './sysfs.js';

/** A piece of a lower node on which a volume stands; `end` is Infinity where nobody knows it. */
export interface Footing {
  readonly node: NodeId;
  readonly start: number;
  readonly end: number;
  /** Exact: byte for byte (partition, loop). Otherwise somewhere in there (dm, md, bcache). */
  readonly exact: boolean;
}

/** One upward or downward step between two nodes. */
interface Link {
  readonly upper: NodeId;
  readonly lower: NodeId;
  readonly start: number;
  readonly end: number;
  readonly exact: boolean;
}

/** The machine's block devices and loop files as a graph, as they were at one moment. */
export class Topology {
  readonly #links: readonly Link[];
  readonly #devices: ReadonlyMap<NodeId, BlockDevice>;

  private constructor(devices: readonly BlockDevice[], links: readonly Link[]) {
    this.#devices = new Map(devices.map((device) => [device.node, device]));
    this.#links = links;
  }

  static async read(roots: SystemRoots = systemRoots): Promise<Topology> {
    const devices = await blockDevices(roots);
    const byName = new Map(devices.map((device) => [device.name, device]));
    const links = await Promise.all(devices.map((device) => linksDown(device, byName)));
    return new Topology(devices, links.flat());
  }

  device(node: NodeId): BlockDevice | undefined {
    return this.#devices.get(node);
  }

  /** The node itself and all that stands on it: partitions, dm and md devices, loops. */
  above(node: NodeId): ReadonlySet<NodeId> {
    const found = new Set<NodeId>([node]);
    for (const current of found) {
      for (const { upper, lower } of this.#links) if (lower === current) found.add(upper);
    }
    return found;
  }

  /** The volume itself and all the pieces that it stands on, down to disks and files. */
  below(volume: Pick<VolumeIdentity, 'node' | 'sizeBytes'>): Footing[] {
    const found: Footing[] = [{ node: volume.node, start: 0, end: volume.sizeBytes, exact: true }];
    const seen = new Set<NodeId>([volume.node]);
    for (const footing of found) {
      for (const link of this.#links) {
        if (link.upper !== footing.node || seen.has(link.lower)) continue;
        seen.add(link.lower);
        const exact = footing.exact && link.exact;
        const start = exact ? link.start + footing.start : link.start;
        const end = exact ? Math.min(link.end, link.start + footing.end) : link.end;
        found.push({ node: link.lower, start, end, exact });
      }
    }
    return found;
  }

  /**
   * The node on which two volumes share bytes, or null. Two logical volumes of one disk share the
   * disk and no bytes: device-mapper and md answer for that, so only exact footings are compared.
   */
  sharedNode(
    a: Pick<VolumeIdentity, 'node' | 'sizeBytes'>,
    b: Pick<VolumeIdentity, 'node' | 'sizeBytes'>,
  ): NodeId | null {
    const belowA = this.below(a);
    const belowB = this.below(b);
    if (belowB.some(({ node }) => node === a.node)) return a.node;
    if (belowA.some(({ node }) => node === b.node)) return b.node;
    for (const left of belowA) {
      for (const right of belowB) {
        const overlaps = left.start < right.end && right.start < left.end;
        if (left.node === right.node && left.exact && right.exact && overlaps) return left.node;
      }
    }
    return null;
  }
}

async function linksDown(
  device: BlockDevice,
  byName: ReadonlyMap<string, BlockDevice>,
): Promise<Link[]> {
  const upper = device.node;
  const links: Link[] = device.slaves.flatMap((name) => {
    const lower = byName.get(name)?.node;
    return lower === undefined ? [] : [{ upper, lower, start: 0, end: Infinity, exact: false }];
  });
  if (device.partition !== null) {
    const { disk, startBytes } = device.partition;
    const end = startBytes + device.sizeBytes;
    links.push({ upper, lower: disk, start: startBytes, end, exact: true });
  }
  if (device.loop !== null) {
    const { file, offsetBytes } = device.loop;
    const lower = await backingNode(file);
    const end = offsetBytes + device.sizeBytes;
    if (lower !== null) links.push({ upper, lower, start: offsetBytes, end, exact: true });
  }
  return links;
}

/** Null for a file that was deleted while its loop device lives on: nobody can name it any more. */
async function backingNode(file: string): Promise<NodeId | null> {
  try {
    return nodeOfStat(await stat(file, { bigint: true }));
  } catch {
    return null;
  }
}
