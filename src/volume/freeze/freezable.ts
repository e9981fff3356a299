/** The mounted file system on a volume, and whether it can be frozen as a whole. */

import { exitCodes, FastsyncError } from '../../errors.js';
import { footprint } from '../host/footprint.js';
import type { VolumeIdentity } from '../identity.js';
import type { Mount } from '../host/mounts.js';
import type { NodeId } from '../node.js';
import { devicePath, systemRoots, type SystemRoots } from '../host/sysfs.js';
import { SystemState } from '../host/system.js';
import { nodesTouching } from '../host/usage.js';

/** A file system that can be frozen, and every mount of it in any namespace, our own first. */
export interface Freezable {
  /** Where it is mounted, for messages. */
  readonly mountPoint: string;
  readonly fsType: string;
  /** The file system itself is read-only: nothing writes to it, frozen or not. */
  readonly readOnly: boolean;
  readonly mounts: readonly Mount[];
}

/** Freezing these writes everything back and makes the whole device a point in time: see docs/online.md. */
const freezableTypes: ReadonlySet<string> = new Set(['ext2', 'ext3', 'ext4', 'xfs', 'btrfs']);

/**
 * Finds the file system that is mounted from the volume: through loop devices, partitions and
 * device-mapper, in any mount namespace. Rejects with FastsyncError NOT_MOUNTED, and with
 * FREEZE_UNSUPPORTED where it cannot be frozen, or not as a whole.
 */
export async function findFreezable(
  volume: VolumeIdentity,
  roots: SystemRoots = systemRoots,
): Promise<Freezable> {
  return freezableOn(volume, await SystemState.read([volume.path], roots));
}

/** As findFreezable(), on a snapshot of the machine that was taken before. */
export async function freezableOn(
  { node, path, realPath }: VolumeIdentity,
  system: SystemState,
): Promise<Freezable> {
  const nodes = nodesTouching(node, await system.footprintOf(node, realPath), system);
  const touching = system.mounts.filter((mount) => mount.nodes.some((on) => nodes.has(on)));
  const mounts = touching.filter(
    (mount) => !touching.some((other) => isWithin(mount, other, system)),
  );
  const [first] = mounts;
  if (first === undefined) {
    throw new FastsyncError({
      code: 'NOT_MOUNTED',
      exitCode: exitCodes.usage,
      message: `${path} is not mounted: there is nothing to freeze`,
      remedy: 'run without the online options',
    });
  }
  const other = mounts.find(({ superblock }) => superblock !== first.superblock);
  const reason =
    other === undefined
      ? (unfitness(first) ?? bypassOf(node, first, system))
      : severalOn(first, other);
  if (reason !== null) throw freezeUnsupported(path, reason);
  const { directory: mountPoint, fsType, readOnly } = first;
  return { mountPoint, fsType, readOnly, mounts };
}

/** Whether a mount is that of an image file within the other file system, which holds it as data. */
function isWithin(mount: Mount, other: Mount, { graph }: SystemState): boolean {
  return mount.nodes.some((node) =>
    footprint(node, graph).some(
      ({ storage, exact }) => !exact && other.nodes.some((outer) => outer === storage),
    ),
  );
}

function severalOn(one: Mount, other: Mount): string {
  return `it holds more than one mounted file system (on ${one.directory} and ${other.directory}), and they cannot be frozen at the same instant: name one of their devices`;
}

/** Why one file system cannot be frozen as a whole, or null. */
function unfitness({ fsType, nodes, directory }: Mount): string | null {
  if (fsType.startsWith('fuse')) {
    return `the file system on ${directory} runs in a process (FUSE, as ntfs-3g does), and the kernel cannot freeze such file systems`;
  }
  if (!freezableTypes.has(fsType)) {
    return `${fsType}, mounted on ${directory}, cannot be frozen`;
  }
  if (nodes.length > 1) {
    return `the ${fsType} on ${directory} spans ${nodes.length} devices, and one of them alone is not a complete file system`;
  }
  return null;
}

/**
 * If the file system is mounted through another device on the same storage (a second loop device, a
 * mapping beside the partition), its writes do not pass through the volume, and its tracker misses them.
 */
function bypassOf(
  volume: NodeId,
  { nodes, directory }: Mount,
  { graph }: SystemState,
): string | null {
  const ways = volume.startsWith('file:')
    ? [...graph.loopBacking].flatMap(([loop, backing]) => (backing === volume ? [loop] : []))
    : [graph.devices.get(volume)?.partition?.disk ?? volume];
  const [way] = ways;
  const [on] = nodes;
  if (way === undefined || on === undefined) return null;
  const passes = footprint(on, graph).some(({ storage }) => storage === way);
  if (passes && ways.length === 1) return null;
  const device = graph.devices.get(on);
  const name = device === undefined ? on : devicePath(device);
  return `the file system on ${directory} is mounted from ${name}, another device on the same storage: name that one`;
}

/** The refusal of a volume that cannot be frozen. */
export function freezeUnsupported(path: string, reason: string): FastsyncError {
  return new FastsyncError({
    code: 'FREEZE_UNSUPPORTED',
    exitCode: exitCodes.refused,
    message: `${path} cannot be frozen: ${reason}`,
    remedy: 'unmount it, or remount it read-only, and run without the online options',
  });
}
