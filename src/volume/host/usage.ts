/** Finds out who uses a volume of this host, or bytes of it: once for a run. Refusals decide. */

import { realpath } from 'node:fs/promises';
import path from 'node:path';
import { footprint, sharesStorage, touches, type Footprint } from './footprint.js';
import { newFileNode, type NodeId } from '../node.js';
import { devicePath, type SystemRoots, systemRoots } from './sysfs.js';
import type { Located, Usage, UsageSurvey } from '../usage.js';
import { SystemState } from './system.js';
import { findWriters } from './writers.js';

/**
 * `own` are the paths of the run: only file systems that these lie on are waited for. Rejects with
 * FastsyncError NOT_ANSWERING if one of those does not answer.
 */
export async function surveyUsage(
  own: readonly string[],
  roots: SystemRoots = systemRoots,
): Promise<UsageSurvey> {
  const system = await SystemState.read(own, roots);
  const footprintOf = ({ node, realPath }: Located) => system.footprintOf(node, realPath);
  return {
    usageOf: async (volume) => usageOf(volume, await footprintOf(volume), system, roots),
    share: async (a, b) => sharesStorage(await footprintOf(a), await footprintOf(b)),
    async liesOn(directory, volume) {
      const file = path.join(await realpath(directory).catch(() => directory), 'file');
      const there = await system.footprintOf(newFileNode(file), file);
      return sharesStorage(there, await footprintOf(volume));
    },
  };
}

/** All devices, images, mounts and swap areas that use bytes of the volume, the volume itself first. */
export function nodesTouching(
  node: NodeId,
  own: Footprint,
  system: SystemState,
): ReadonlySet<NodeId> {
  const { graph, mounts, swaps } = system;
  const candidates = new Set<NodeId>([
    ...graph.devices.keys(),
    ...graph.loopBacking.values(),
    ...mounts.flatMap((mount) => mount.nodes),
    ...swaps.map((swap) => swap.node),
  ]);
  const near = [...candidates].filter((other) => touches(footprint(other, graph), own));
  return new Set([node, ...near]);
}

async function usageOf(
  volume: Located,
  own: Footprint,
  system: SystemState,
  roots: SystemRoots,
): Promise<Usage> {
  const nodes = nodesTouching(volume.node, own, system);
  const nameOf = (node: NodeId) => {
    const device = node === volume.node ? undefined : system.graph.devices.get(node);
    return device === undefined ? volume.path : devicePath(device);
  };
  const mounts = system.mounts.flatMap(({ nodes: on, directory, readOnly, own: isOurs }) => {
    const by = on.find((node) => nodes.has(node));
    return by === undefined ? [] : [{ by: nameOf(by), directory, readOnly, own: isOurs }];
  });
  return {
    mounts,
    swaps: system.swaps.filter(({ node }) => nodes.has(node)).map(({ node }) => nameOf(node)),
    holders: holdersAmong(nodes, own, system),
    writers: await findWriters(nodes, system.mounts, roots),
  };
}

/** The loop and stacked devices among the nodes: they hold what is below them open. Not those below the volume. */
function holdersAmong(
  nodes: ReadonlySet<NodeId>,
  own: Footprint,
  { graph }: SystemState,
): string[] {
  const below = new Set<string>(own.map(({ storage }) => storage));
  return [...nodes].flatMap((node) => {
    const device = below.has(node) ? undefined : graph.devices.get(node);
    const holds = device !== undefined && (device.loop !== null || device.slaves.length > 0);
    return holds ? [devicePath(device)] : [];
  });
}
