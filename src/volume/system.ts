/** One look at the machine: its block devices, how they are stacked, what is mounted. */

import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { execa } from 'execa';
import { footprint, type Footprint, type StorageGraph } from './footprint.js';
import { readMounts, readSwaps, type Mount, type Swap } from './mounts.js';
import { blockNode, deviceNumbers, nodeOfStat, type NodeId } from './node.js';
import { blockDevices, type BlockDevice, type SystemRoots } from './sysfs.js';

/** Overlays stand on overlays at most so deep. */
const maxOverlayDepth = 4;

/** The machine at one moment; what files lie on is looked up when it is asked for. */
export class SystemState {
  readonly graph: StorageGraph;
  readonly mounts: readonly Mount[];
  readonly swaps: readonly Swap[];
  readonly #fileHosts: Map<NodeId, readonly NodeId[]>;

  private constructor(
    graph: StorageGraph,
    fileHosts: Map<NodeId, readonly NodeId[]>,
    mounts: readonly Mount[],
    swaps: readonly Swap[],
  ) {
    this.graph = graph;
    this.#fileHosts = fileHosts;
    this.mounts = mounts;
    this.swaps = swaps;
  }

  static async read(roots: SystemRoots): Promise<SystemState> {
    const list = await blockDevices(roots);
    const devices = new Map(list.map((device) => [device.node, device]));
    const mounts = await readMounts(devices, roots);
    const loopBacking = new Map<NodeId, NodeId>();
    const fileHosts = new Map<NodeId, readonly NodeId[]>();
    const graph = { devices, loopBacking, fileHosts };
    const system = new SystemState(graph, fileHosts, mounts, await readSwaps(roots));
    const loops = list.filter(({ loop }) => loop !== null);
    const inodes = loops.length > 0 && roots.sys === '/sys' ? await loopInodes() : new Map();
    for (const loop of loops) {
      const backing = await backingOf(loop, inodes);
      if (backing === null) continue;
      loopBacking.set(loop.node, backing);
      await system.footprintOf(backing, loop.loop?.file ?? '');
    }
    return system;
  }

  /** The footprint of a volume, or of a file that is still to be made: `path` without symbolic links. */
  async footprintOf(node: NodeId, path: string): Promise<Footprint> {
    if (node.startsWith('file:') && !this.#fileHosts.has(node)) {
      this.#fileHosts.set(node, await hostsOf(node, path, this.graph.devices, this.mounts));
    }
    return footprint(node, this.graph);
  }
}

/** What a file that does not exist yet is called. */
export function newFileNode(path: string): NodeId {
  return `file:new:${path}`;
}

async function nodeAt(path: string): Promise<NodeId | null> {
  const found = await stat(path, { bigint: true }).catch(() => null);
  return found === null ? null : nodeOfStat(found);
}

/**
 * losetup's word (the LOOP_GET_STATUS64 ioctl) on the files behind loop devices, by kernel name. sysfs
 * has a path only, which misleads where the file was deleted, renamed, or lies in another namespace.
 */
async function loopInodes(): Promise<Map<string, NodeId>> {
  const columns = 'NAME,BACK-MAJ:MIN,BACK-INO';
  const { stdout, failed } = await execa('losetup', ['--list', '--json', '--output', columns], {
    reject: false,
  });
  if (failed || stdout === '') return new Map();
  const { loopdevices } = JSON.parse(stdout) as { loopdevices: Record<string, unknown>[] };
  const text = (value: unknown) => String(value).trim();
  return new Map(
    loopdevices.map((entry) => [
      text(entry.name).replace('/dev/', ''),
      `file:${text(entry['back-maj:min'])}:${text(entry['back-ino'])}` as const,
    ]),
  );
}

async function backingOf(
  { name, loop }: BlockDevice,
  inodes: ReadonlyMap<string, NodeId>,
): Promise<NodeId | null> {
  const byPath = loop === null ? null : await nodeAt(loop.file);
  return byPath?.startsWith('block:') ? byPath : (inodes.get(name) ?? byPath);
}

/** The devices that a file lies on. */
async function hostsOf(
  node: NodeId,
  path: string,
  devices: ReadonlyMap<NodeId, BlockDevice>,
  mounts: readonly Mount[],
): Promise<readonly NodeId[]> {
  const [, major, minor] = node.split(':').map(Number);
  const numbered = blockNode(major ?? NaN, minor ?? NaN);
  if (devices.has(numbered)) return [numbered];
  const found = await stat(path, { bigint: true })
    .catch(() => stat(dirname(path), { bigint: true }))
    .catch(() => null);
  if (found !== null) {
    const { major, minor } = deviceNumbers(found.dev);
    const host = blockNode(major, minor);
    if (devices.has(host)) return [host];
  }
  return hostsByPath(path, mounts, maxOverlayDepth);
}

/** By the mount that holds the path: for btrfs and overlays, whose device numbers lead nowhere. */
function hostsByPath(path: string, mounts: readonly Mount[], depth: number): readonly NodeId[] {
  let best: Mount | null = null;
  for (const mount of mounts) {
    if (!mount.own) continue;
    const prefix = mount.directory === '/' ? '/' : `${mount.directory}/`;
    // Of two mounts on one place the later one is on top.
    const isLonger = best === null || mount.directory.length >= best.directory.length;
    if (isLonger && path.startsWith(prefix)) best = mount;
  }
  if (best === null) return [];
  if (best.nodes.length > 0 || best.fsType !== 'overlay' || depth === 0) return best.nodes;
  const layers = [...best.superOptions.matchAll(/(?:upper|lower)dir=([^,]+)/g)];
  return layers
    .flatMap(([, value = '']) => value.split(':'))
    .flatMap((layer) => hostsByPath(`${layer}/`, mounts, depth - 1));
}
