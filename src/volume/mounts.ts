/**
 * What is mounted, in every mount namespace that has a process in it (proc_pid_mountinfo(5)), and what
 * swap is on (proc_swaps(5)).
 */

import { readdir, readFile, readlink, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ifAbsent } from '../errors.js';
import { blockNode, nodeOfStat, type NodeId } from './node.js';
import type { BlockDevice, SystemRoots } from './sysfs.js';

export interface Mount {
  /** The kernel's number of this mount, unique among all namespaces; fdinfo of an open file has it too. */
  readonly id: number;
  /** The file system's own number, "8:1": the same for all mounts of one file system. */
  readonly superblock: string;
  /** Where the file system lies: one device as a rule, several for btrfs, none for tmpfs. */
  readonly nodes: readonly NodeId[];
  readonly directory: string;
  /** What to put before `directory` to reach it from here: "" in our own namespace, else "/proc/1/root". */
  readonly namespaceRoot: string;
  readonly fsType: string;
  /** The superblock's own flag: a read-only bind mount of a writable file system is writable. */
  readonly readOnly: boolean;
  readonly superOptions: string;
  /** In our own mount namespace, so that its directory means something to us. */
  readonly own: boolean;
}

export interface Swap {
  readonly node: NodeId;
  readonly path: string;
}

/** Blanks and the like are written as octal numbers. */
function unescape(field: string): string {
  return field.replaceAll(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
}

async function readText(file: string): Promise<string> {
  return readFile(file, 'utf8').catch(ifAbsent(''));
}

/** One process of each mount namespace, our own first. */
async function namespaces({ proc }: SystemRoots): Promise<string[]> {
  const pids = (await readdir(proc).catch(ifAbsent([]))).filter((name) => /^\d+$/.test(name));
  const byNamespace = new Map<string, string>();
  for (const pid of ['self', ...pids]) {
    const namespace = await readlink(join(proc, pid, 'ns/mnt')).catch(() => null);
    if (namespace !== null && !byNamespace.has(namespace)) byNamespace.set(namespace, pid);
  }
  return byNamespace.size === 0 ? ['self'] : [...byNamespace.values()];
}

interface Line {
  readonly id: number;
  readonly device: string;
  readonly directory: string;
  readonly fsType: string;
  readonly source: string;
  readonly superOptions: string;
}

function parseLine(line: string): Line | null {
  const [before = '', after = ''] = line.split(' - ');
  const [id, , device, , directory] = before.split(' ');
  const [fsType, source, superOptions] = after.split(' ');
  if (device === undefined || directory === undefined || fsType === undefined) return null;
  return {
    id: Number(id),
    device,
    directory: unescape(directory),
    fsType,
    source: unescape(source ?? ''),
    superOptions: unescape(superOptions ?? ''),
  };
}

async function statNode(path: string): Promise<NodeId | null> {
  const found = await stat(path, { bigint: true }).catch(() => null);
  return found === null ? null : nodeOfStat(found);
}

/** All devices of the btrfs that this one belongs to. */
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
 * The number of a mount is its device's as a rule. btrfs, and FUSE on a device or an image, have
 * anonymous numbers: there the source's path says what it is, as that namespace sees it.
 */
async function storageOf(
  { device, source, fsType }: Line,
  pid: string,
  devices: ReadonlyMap<NodeId, BlockDevice>,
  roots: SystemRoots,
): Promise<NodeId[]> {
  const [major, minor] = device.split(':').map(Number);
  const numbered = blockNode(major ?? 0, minor ?? 0);
  if (devices.has(numbered)) return [numbered];
  if (!source.startsWith('/')) return [];
  const node = (await statNode(join(roots.proc, pid, 'root', source))) ?? (await statNode(source));
  if (node === null) return [];
  return fsType === 'btrfs' ? btrfsDevices(node, devices, roots) : [node];
}

/** Every mount that has storage of its own behind it. Namespaces that we may not read are left out. */
export async function readMounts(
  devices: ReadonlyMap<NodeId, BlockDevice>,
  roots: SystemRoots,
): Promise<Mount[]> {
  const mounts: Mount[] = [];
  for (const [index, pid] of (await namespaces(roots)).entries()) {
    const text = await readText(join(roots.proc, pid, 'mountinfo'));
    for (const line of text.split('\n').map(parseLine)) {
      if (line === null) continue;
      mounts.push({
        id: line.id,
        superblock: line.device,
        nodes: await storageOf(line, pid, devices, roots),
        directory: line.directory,
        namespaceRoot: index === 0 ? '' : join(roots.proc, pid, 'root'),
        fsType: line.fsType,
        readOnly: !line.superOptions.split(',').includes('rw'),
        superOptions: line.superOptions,
        own: index === 0,
      });
    }
  }
  return mounts;
}

/** Every swap area that is on, device or file. */
export async function readSwaps({ proc }: SystemRoots): Promise<Swap[]> {
  const [, ...lines] = (await readText(join(proc, 'swaps'))).trim().split('\n');
  const swaps: Swap[] = [];
  for (const line of lines) {
    const path = unescape(line.split(/\s/)[0] ?? '');
    const node = await statNode(path);
    if (node !== null) swaps.push({ node, path });
  }
  return swaps;
}
