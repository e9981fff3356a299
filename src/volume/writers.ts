/** Which processes hold something open for writing: their descriptors, as /proc shows them. */

import { readdir, readFile, readlink, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ifAbsent } from '../errors.js';
import { nodeOfStat, type NodeId } from './node.js';
import type { SystemRoots } from './sysfs.js';

export interface Writer {
  readonly node: NodeId;
  readonly pid: number;
  /** The process's name, as `ps -o comm` shows it. */
  readonly command: string;
}

/** open(2): the access mode, and O_PATH, whose descriptors can do nothing. */
const accessMask = 0o3;
const pathOnly = 0o10000000;

async function opensForWriting(fdinfo: string): Promise<boolean> {
  const text = await readFile(fdinfo, 'utf8').catch(ifAbsent(''));
  const flags = Number.parseInt(/^flags:\s*([0-7]+)/m.exec(text)?.[1] ?? '0', 8);
  return (flags & accessMask) !== 0 && (flags & pathOnly) === 0;
}

/** The node behind a descriptor that is open for writing, or null. */
async function writtenNode(process: string, fd: string): Promise<NodeId | null> {
  const descriptor = join(process, 'fd', fd);
  // Sockets, pipes and the like have no path; asking further would cost for nothing.
  const target = await readlink(descriptor).catch(() => '');
  if (!target.startsWith('/')) return null;
  if (!(await opensForWriting(join(process, 'fdinfo', fd)))) return null;
  const found = await stat(descriptor, { bigint: true }).catch(() => null);
  return found === null ? null : nodeOfStat(found);
}

/**
 * Finds who has any of `wanted` open for writing; our own process does not count. Processes that we may
 * not look into are left out: as root there are none. A writable mapping whose descriptor was closed
 * does not show.
 */
export async function findWriters(
  wanted: ReadonlySet<NodeId>,
  { proc }: SystemRoots,
): Promise<Writer[]> {
  const writers: Writer[] = [];
  const pids = (await readdir(proc).catch(ifAbsent([]))).filter((name) => /^\d+$/.test(name));
  for (const pid of pids.map(Number).filter((id) => id !== process.pid)) {
    const directory = join(proc, String(pid));
    const fds = await readdir(join(directory, 'fd')).catch(ifAbsent([]));
    const nodes = await Promise.all(fds.map((fd) => writtenNode(directory, fd)));
    const found = new Set(nodes.filter((node) => node !== null && wanted.has(node)));
    if (found.size === 0) continue;
    const command = (await readFile(join(directory, 'comm'), 'utf8').catch(ifAbsent('?'))).trim();
    for (const node of found) if (node !== null) writers.push({ node, pid, command });
  }
  return writers;
}
