/**
 * What is mounted in every mount namespace that has a process in it (proc_pid_mountinfo(5)), and the
 * active swap areas (proc_swaps(5)).
 */

import { readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { ifAbsent } from '../../errors.js';
import { Answering } from './answering.js';
import { parseMountTable, unescape, type MountLine } from './mount-table.js';
import { blockNode, nodeOfStat, type NodeId } from '../node.js';
import type { BlockDevice, SystemRoots } from './sysfs.js';

export interface Mount {
  /** The kernel's number of this mount, unique across namespaces; also in fdinfo of an open file. */
  readonly id: number;
  /** The file system's own number, "8:1": the same for all mounts of one file system. */
  readonly superblock: string;
  /** The devices of the file system: usually one, several for btrfs, none for tmpfs. */
  readonly nodes: readonly NodeId[];
  readonly directory: string;
  /** Prefix of `directory` that reaches it from here: "" in our own namespace, else "/proc/1/root". */
  readonly namespaceRoot: string;
  readonly fsType: string;
  /** The superblock's own flag: a read-only bind mount of a writable file system is writable. */
  readonly readOnly: boolean;
  readonly superOptions: string;
  /** Its device nodes can be opened. */
  readonly hasDevices: boolean;
  /** In our own mount namespace, where `directory` is valid for us. */
  readonly own: boolean;
  /** Its files may be accessed: that waits for no server, or only for one that the run needs anyway. */
  readonly answers: boolean;
}

export interface Swap {
  readonly node: NodeId;
  readonly path: string;
}

async function readText(file: string): Promise<string> {
  return readFile(file, 'utf8').catch(ifAbsent(''));
}

/** One process of each mount namespace, our own first. */
async function namespacePids({ proc }: SystemRoots): Promise<string[]> {
  const pids = (await readdir(proc).catch(ifAbsent([]))).filter((name) => /^\d+$/.test(name));
  const byNamespace = new Map<string, string>();
  for (const pid of ['self', ...pids]) {
    const namespace = await readlink(join(proc, pid, 'ns/mnt')).catch(() => null);
    if (namespace !== null && !byNamespace.has(namespace)) byNamespace.set(namespace, pid);
  }
  return byNamespace.size === 0 ? ['self'] : [...byNamespace.values()];
}

/** All devices of the btrfs that this device belongs to. */
async function btrfsDevices(
  node: NodeId,
  devices: ReadonlyMap<NodeId, BlockDevice>,
  { sys }: SystemRoots,
): Promise<NodeId[]> {
  const byName = new Map([...devices.values()].map((device) => [device.name, device.node]));
  const root = join(sys, 'fs/btrfs');
  for (const uuid of await readdir(root).catch(ifAbsent([]))) {
    const names = await readdir(join(root, uuid, 'devices')).catch(ifAbsent([]));
    const members = names.map((name) => byName.get(name)).filter((found) => found !== undefined);
    if (members.includes(node)) return members;
  }
  return [node];
}

/**
 * The number of a mount is usually its device's. btrfs, and FUSE on a device or an image, have anonymous
 * numbers: for those the path of the source decides, in that namespace or else in ours.
 */
async function storageOf(
  { device, source, fsType }: MountLine,
  views: readonly Namespace[],
  devices: ReadonlyMap<NodeId, BlockDevice>,
  roots: SystemRoots,
): Promise<NodeId[]> {
  const [major, minor] = device.split(':').map(Number);
  const numbered = blockNode(major ?? 0, minor ?? 0);
  if (devices.has(numbered)) return [numbered];
  if (!source.startsWith('/')) return [];
  for (const { answering, root } of views) {
    const found = await answering.stat(source, root);
    const node = found === null ? null : nodeOfStat(found);
    if (node !== null) return fsType === 'btrfs' ? btrfsDevices(node, devices, roots) : [node];
  }
  return [];
}

/** The mounts of one namespace, and which of them may be accessed. */
export interface Namespace {
  readonly table: readonly MountLine[];
  readonly answering: Answering;
  /** The path of its root from here: "" for our own. */
  readonly root: string;
}

/**
 * Every mount namespace that we may read, our own first. `ownOf` gets our own table and returns the
 * superblocks that may be accessed whatever their type.
 */
export async function readNamespaces(
  roots: SystemRoots,
  ownOf: (table: readonly MountLine[]) => Promise<ReadonlySet<string>>,
): Promise<Namespace[]> {
  const found: Namespace[] = [];
  let own: ReadonlySet<string> | null = null;
  for (const [index, pid] of (await namespacePids(roots)).entries()) {
    const table = parseMountTable(await readText(join(roots.proc, pid, 'mountinfo')));
    own ??= await ownOf(table);
    const root = index === 0 ? '' : join(roots.proc, pid, 'root');
    found.push({ table, answering: new Answering(table, own), root });
  }
  return found;
}

/** Every mount in the namespaces. */
export async function readMounts(
  namespaces: readonly Namespace[],
  devices: ReadonlyMap<NodeId, BlockDevice>,
  roots: SystemRoots,
): Promise<Mount[]> {
  const mounts: Mount[] = [];
  const [ours] = namespaces;
  for (const namespace of namespaces) {
    const isOurs = namespace === ours;
    const views = ours === undefined || isOurs ? [namespace] : [namespace, ours];
    for (const line of namespace.table) {
      mounts.push({
        id: line.id,
        superblock: line.device,
        nodes: await storageOf(line, views, devices, roots),
        directory: line.directory,
        namespaceRoot: namespace.root,
        fsType: line.fsType,
        readOnly: !line.superOptions.split(',').includes('rw'),
        superOptions: line.superOptions,
        hasDevices: !line.options.split(',').includes('nodev'),
        own: isOurs,
        // Seldom needed, and slow for an overlay of many layers.
        get answers() {
          return namespace.answering.may(line);
        },
      });
    }
  }
  return mounts;
}

/** Every active swap area, device or file. */
export async function readSwaps(
  { answering }: Pick<Namespace, 'answering'>,
  { proc }: SystemRoots,
): Promise<Swap[]> {
  const [, ...lines] = (await readText(join(proc, 'swaps'))).trim().split('\n');
  const swaps: Swap[] = [];
  for (const line of lines) {
    const path = unescape(line.split(/\s/)[0] ?? '');
    const found = await answering.stat(path);
    const node = found === null ? null : nodeOfStat(found);
    if (node !== null) swaps.push({ node, path });
  }
  return swaps;
}
