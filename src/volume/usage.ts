/** Who uses a volume, or anything that stands on it: gathered once for a run, decided on elsewhere. */

import { realpath } from 'node:fs/promises';
import type { VolumeIdentity } from './identity.js';
import { type Mount, readMounts, readSwaps } from './mounts.js';
import type { NodeId } from './node.js';
import { devicePath, type SystemRoots, systemRoots } from './sysfs.js';
import { Topology } from './topology.js';
import { findWriters, type Writer } from './writers.js';

/** What was found on one volume. Places are told as a user would: "/dev/loop3, mounted on /srv". */
export interface Usage {
  readonly mounts: readonly (Mount & { readonly by: string })[];
  readonly swaps: readonly string[];
  /** Devices that stand on the volume and hold it: dm, md, loops. Partitions are none. */
  readonly holders: readonly string[];
  readonly writers: readonly Writer[];
}

/** The machine as it was when a run began. */
export interface Surroundings {
  readonly topology: Topology;
  readonly mounts: readonly Mount[];
  usageOf(volume: VolumeIdentity): Promise<Usage>;
  /** Whether a directory lies on a file system that is on the volume, or on anything standing on it. */
  liesOn(directory: string, volume: VolumeIdentity): Promise<boolean>;
}

export async function surveySurroundings(roots: SystemRoots = systemRoots): Promise<Surroundings> {
  const [topology, mounts, swaps] = await Promise.all([
    Topology.read(roots),
    readMounts(roots),
    readSwaps(roots),
  ]);
  const nameOf = (node: NodeId, volume: VolumeIdentity) => {
    const device = topology.device(node);
    return node === volume.node || device === undefined ? volume.path : devicePath(device);
  };
  return {
    topology,
    mounts,
    async usageOf(volume) {
      const touched = touchedNodes(topology, volume);
      return {
        mounts: mounts
          .filter(({ node }) => touched.has(node))
          .map((mount) => ({ ...mount, by: nameOf(mount.node, volume) })),
        swaps: [...touched].filter((node) => swaps.has(node)).map((node) => nameOf(node, volume)),
        holders: holdersOf(topology, volume),
        writers: await findWriters(touched, roots),
      };
    },
    async liesOn(directory, volume) {
      const node = await fileSystemNode(directory, mounts);
      return node !== null && topology.above(volume.node).has(node);
    },
  };
}

/** The device of the file system that a directory is on: of the mount with the longest matching path. */
async function fileSystemNode(directory: string, mounts: readonly Mount[]): Promise<NodeId | null> {
  const real = await realpath(directory).catch(() => directory);
  const holds = (mount: string) => mount === '/' || real === mount || real.startsWith(`${mount}/`);
  const [best] = mounts
    .filter((mount) => holds(mount.directory))
    .sort((a, b) => b.directory.length - a.directory.length);
  return best?.node ?? null;
}

/** The volume, what stands on it, and the disks of which it is a part: a use of any of them is one of it. */
function touchedNodes(topology: Topology, volume: VolumeIdentity): Set<NodeId> {
  const touched = new Set(topology.above(volume.node));
  for (const { node, exact } of topology.below(volume)) {
    // The file below a loop lies on a file system that is mounted, of course: only devices count.
    if (exact && node.startsWith('block:')) touched.add(node);
    if (exact && node.startsWith('file:')) break;
  }
  return touched;
}

function holdersOf(topology: Topology, volume: VolumeIdentity): string[] {
  return [...topology.above(volume.node)].flatMap((node) => {
    const device = topology.device(node);
    const holds = device !== undefined && node !== volume.node && device.partition === null;
    return holds ? [devicePath(device)] : [];
  });
}
