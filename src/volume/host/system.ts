/** A snapshot of the machine: its block devices, how they are stacked, what is mounted. */

import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { layersOf } from './answering.js';
import { footprint, type Footprint, type StorageGraph } from './footprint.js';
import { backingsOf } from './loops.js';
import { mountOf } from './mount-table.js';
import { readMounts, readNamespaces, readSwaps, type Mount, type Swap } from './mounts.js';
import { blockNode, deviceNumbers, type NodeId } from '../node.js';
import { superblocksOf } from './own-superblocks.js';
import { blockDevices, type BlockDevice, type SystemRoots } from './sysfs.js';

/** Most overlays on top of each other. */
const maxOverlayDepth = 4;

/** The machine at one moment; what a file lies on is looked up when needed. */
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

  /**
   * `own` are the run's paths: only file systems that these lie on are waited for. Rejects with
   * NOT_ANSWERING if one of those does not answer.
   */
  static async read(own: readonly string[], roots: SystemRoots): Promise<SystemState> {
    const list = await blockDevices(roots);
    const devices = new Map(list.map((device) => [device.node, device]));
    const namespaces = await readNamespaces(roots, (table) => superblocksOf(own, devices, table));
    const mounts = await readMounts(namespaces, devices, roots);
    const loopBacking = new Map<NodeId, NodeId>();
    const fileHosts = new Map<NodeId, readonly NodeId[]>();
    const graph = { devices, loopBacking, fileHosts };
    const [ours] = namespaces;
    const swaps = ours === undefined ? [] : await readSwaps(ours, roots);
    const system = new SystemState(graph, fileHosts, mounts, swaps);
    for (const [loop, { node, file, isKnown }] of await backingsOf(list, namespaces, roots)) {
      loopBacking.set(loop, node);
      if (isKnown) await system.footprintOf(node, file);
      else fileHosts.set(node, hostsByPath(file, mounts, maxOverlayDepth));
    }
    return system;
  }

  /** The footprint of a volume, or of a file that does not exist yet; `path` without symbolic links. */
  async footprintOf(node: NodeId, path: string): Promise<Footprint> {
    if (node.startsWith('file:') && !this.#fileHosts.has(node)) {
      this.#fileHosts.set(node, await hostsOf(node, path, this.graph.devices, this.mounts));
    }
    return footprint(node, this.graph);
  }
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

/** By the mount that the path lies on: for btrfs and overlays, which have anonymous device numbers. */
function hostsByPath(path: string, mounts: readonly Mount[], depth: number): readonly NodeId[] {
  const ours = mounts.filter(({ own }) => own);
  const on = mountOf(path, ours);
  if (on === null) return [];
  if (on.nodes.length > 0 || on.fsType !== 'overlay' || depth === 0) return on.nodes;
  return layersOf(on.superOptions).flatMap((layer) => hostsByPath(layer, ours, depth - 1));
}
