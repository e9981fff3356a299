/** Everything that is mounted or swapped on, in every mount namespace of this machine. */

import { readdir, readFile, readlink, stat } from 'node:fs/promises';
import path from 'node:path';
import { blockNode, nodeOfStat, type NodeId } from './node.js';
import { type SystemRoots, systemRoots } from './sysfs.js';

export interface Mount {
  readonly node: NodeId;
  readonly directory: string;
  /** Neither this mount nor the file system itself lets anybody write. */
  readonly readOnly: boolean;
}

/** All mounts of block devices, each once for every directory. */
export async function readMounts(roots: SystemRoots = systemRoots): Promise<Mount[]> {
  const tables = await Promise.all((await namespaceTables(roots)).map(readTextOrNothing));
  const found = new Map<string, Mount>();
  for (const line of tables.join('\n').split('\n')) {
    const mount = await parseMount(line);
    if (mount !== null) found.set(`${mount.node} ${mount.directory}`, mount);
  }
  return [...found.values()];
}

/** One `mountinfo` for each mount namespace that has a process in it. */
async function namespaceTables({ proc }: SystemRoots): Promise<string[]> {
  const pids = (await readdir(proc)).filter((name) => /^\d+$/.test(name));
  const tables = new Map<string, string>();
  for (const pid of pids) {
    const namespace = await readlink(path.join(proc, pid, 'ns/mnt')).catch(() => null);
    if (namespace !== null && !tables.has(namespace)) {
      tables.set(namespace, path.join(proc, pid, 'mountinfo'));
    }
  }
  return tables.size > 0 ? [...tables.values()] : [path.join(proc, 'self/mountinfo')];
}

async function readTextOrNothing(file: string): Promise<string> {
  return readFile(file, 'utf8').catch(() => '');
}

/**
 * A line of mountinfo (proc(5)): ID, parent, device, root, directory, options, tags, "-", type,
 * source, options of the file system. File systems of several devices (btrfs) show an anonymous
 * device number there, so the source decides for them.
 */
async function parseMount(line: string): Promise<Mount | null> {
  const [before, after] = line.split(' - ');
  const [, , device, , directory] = before?.split(' ') ?? [];
  const [, source, superOptions] = after?.split(' ') ?? [];
  if (device === undefined || directory === undefined || source === undefined) return null;
  const [major, minor] = device.split(':').map(Number);
  const node = major === 0 ? await nodeOfPath(unescape(source)) : blockNode(major ?? 0, minor ?? 0);
  if (node === null) return null;
  // A read-only bind mount of a file system that is writable elsewhere does not make it stand still.
  const readOnly = (superOptions ?? '').split(',').includes('ro');
  return { node, directory: unescape(directory), readOnly };
}

async function nodeOfPath(file: string): Promise<NodeId | null> {
  if (!file.startsWith('/')) return null;
  try {
    return nodeOfStat(await stat(file, { bigint: true }));
  } catch {
    return null;
  }
}

/** mountinfo and swaps write blanks and the like in octal: "\040". */
function unescape(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(parseInt(octal, 8)),
  );
}

/** The devices and files that are swapped on. */
export async function readSwaps({ proc }: SystemRoots = systemRoots): Promise<Set<NodeId>> {
  const [, ...lines] = (await readTextOrNothing(path.join(proc, 'swaps'))).split('\n');
  const nodes = await Promise.all(
    lines.map((line) => nodeOfPath(unescape(line.split(/\s/)[0] ?? ''))),
  );
  return new Set(nodes.filter((node) => node !== null));
}
