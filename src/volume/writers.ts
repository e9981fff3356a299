/** Processes that have a volume open for writing: a virtual machine on an image, a database on a raw device. */

import { readdir, readFile, readlink, stat } from 'node:fs/promises';
import path from 'node:path';
import { nodeOfStat, type NodeId } from './node.js';
import { type SystemRoots, systemRoots } from './sysfs.js';

export interface Writer {
  readonly node: NodeId;
  readonly pid: number;
  readonly command: string;
}

/** The writers of any of `nodes`, this process left out. Without root only one's own processes are seen. */
export async function findWriters(
  nodes: ReadonlySet<NodeId>,
  { proc }: SystemRoots = systemRoots,
): Promise<Writer[]> {
  const pids = (await readdir(proc)).filter((name) => /^\d+$/.test(name)).map(Number);
  const found = await Promise.all(
    pids.filter((pid) => pid !== process.pid).map((pid) => writersIn(pid, nodes, proc)),
  );
  return found.flat();
}

async function writersIn(pid: number, nodes: ReadonlySet<NodeId>, proc: string): Promise<Writer[]> {
  const directory = path.join(proc, String(pid));
  const descriptors = await readdir(path.join(directory, 'fd')).catch(() => []);
  const written = new Set<NodeId>();
  for (const descriptor of descriptors) {
    const node = await openNode(directory, descriptor);
    if (node === null || !nodes.has(node) || written.has(node)) continue;
    if (await isForWriting(directory, descriptor)) written.add(node);
  }
  if (written.size === 0) return [];
  const command = (await readFile(path.join(directory, 'comm'), 'utf8').catch(() => '?')).trim();
  return [...written].map((node) => ({ node, pid, command }));
}

async function openNode(directory: string, descriptor: string): Promise<NodeId | null> {
  const link = path.join(directory, 'fd', descriptor);
  try {
    // Sockets and pipes have no path; asking only those that have one saves most of the work.
    if (!(await readlink(link)).startsWith('/')) return null;
    return nodeOfStat(await stat(link, { bigint: true }));
  } catch {
    return null;
  }
}

/** fdinfo's `flags` are octal; the access mode is in the lowest two bits (O_WRONLY 1, O_RDWR 2). */
async function isForWriting(directory: string, descriptor: string): Promise<boolean> {
  const info = await readFile(path.join(directory, 'fdinfo', descriptor), 'utf8').catch(() => '');
  const flags = /^flags:\s*([0-7]+)/m.exec(info)?.[1];
  return flags !== undefined && (parseInt(flags, 8) & 3) !== 0;
}
