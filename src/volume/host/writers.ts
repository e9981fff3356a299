/** Which processes hold something open for writing: their descriptors, as /proc shows them. */

import { constants } from 'node:fs';
import { readdir, readFile, readlink, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { ifAbsent } from '../../errors.js';
import { abandon, within } from '../../within.js';
import type { Mount } from './mounts.js';
import { nodeOfStat, type NodeId } from '../node.js';
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

/** What proc_pid_fdinfo(5) says, whatever server the file is on. */
interface Descriptor {
  readonly isWritable: boolean;
  readonly mountId: number;
  /** Null before Linux 5.14. */
  readonly inode: string | null;
}

async function readDescriptor(fdinfo: string): Promise<Descriptor> {
  const text = await readFile(fdinfo, 'utf8').catch(ifAbsent(''));
  const flags = Number.parseInt(/^flags:\s*([0-7]+)/m.exec(text)?.[1] ?? '0', 8);
  return {
    isWritable: (flags & accessMask) !== 0 && (flags & pathOnly) === 0,
    mountId: Number(/^mnt_id:\s*(\d+)/m.exec(text)?.[1] ?? NaN),
    inode: /^ino:\s*(\d+)/m.exec(text)?.[1] ?? null,
  };
}

/** Finds out what descriptors are open on, and asks no server that is not the run's own. */
class Descriptors {
  readonly #wanted: ReadonlySet<NodeId>;
  readonly #inodes: ReadonlySet<string | undefined>;
  readonly #mounts: ReadonlyMap<number, Mount>;

  constructor(wanted: ReadonlySet<NodeId>, mounts: readonly Mount[]) {
    this.#wanted = wanted;
    this.#inodes = new Set(
      [...wanted].filter((node) => node.startsWith('file:')).map((node) => node.split(':')[3]),
    );
    this.#mounts = new Map(mounts.map((mount) => [mount.id, mount]));
  }

  /** The node behind a descriptor, if it is a wanted one and open for writing; else null. */
  async written(process: string, fd: string): Promise<NodeId | null> {
    const descriptor = join(process, 'fd', fd);
    // Sockets, pipes and the like have no path; asking further would cost for nothing.
    const target = await readlink(descriptor).catch(() => '');
    if (!target.startsWith('/')) return null;
    const { isWritable, mountId, inode } = await readDescriptor(join(process, 'fdinfo', fd));
    if (!isWritable) return null;
    const node = await this.#nodeOf(descriptor, target, mountId, inode);
    return node !== null && this.#wanted.has(node) ? node : null;
  }

  async #nodeOf(
    descriptor: string,
    target: string,
    mountId: number,
    inode: string | null,
  ): Promise<NodeId | null> {
    const mount = this.#mounts.get(mountId);
    if (mount?.answers === true) {
      const found = await stat(descriptor, { bigint: true }).catch(() => null);
      return found === null ? null : nodeOfStat(found);
    }
    if (mount !== undefined) return inode === null ? null : `file:${mount.superblock}:${inode}`;
    // Unmounted lazily, of whatever kind it was: asked only where it could well be a wanted one.
    const mayBe = target.startsWith('/dev/') || (inode !== null && this.#inodes.has(inode));
    return mayBe ? statApart(descriptor) : null;
  }
}

/** Far more than it takes where nothing hangs. */
const statLimitMs = 5_000;

/** In a process of its own, which may hang; no answer in time is none. */
async function statApart(descriptor: string): Promise<NodeId | null> {
  const words = ['--dereference', '--format=%f %Hd:%Ld:%i %Hr:%Lr', descriptor];
  const child = execa('stat', words, { reject: false, cleanup: false });
  const result = await within(statLimitMs, child);
  if (result === null) {
    abandon(child);
    return null;
  }
  const [mode = '', file = '', device = ''] = result.stdout.split(' ');
  const type = Number.parseInt(mode, 16) & constants.S_IFMT;
  if (type === constants.S_IFBLK) return `block:${device}`;
  return type === constants.S_IFREG ? `file:${file}` : null;
}

/**
 * Finds who has any of `wanted` open for writing; our own process does not count. Processes that we may
 * not look into are left out: as root there are none. A writable mapping whose descriptor was closed
 * does not show, nor does a device node that lies on a network or FUSE file system.
 */
export async function findWriters(
  wanted: ReadonlySet<NodeId>,
  mounts: readonly Mount[],
  { proc }: SystemRoots,
): Promise<Writer[]> {
  const writers: Writer[] = [];
  const descriptors = new Descriptors(wanted, mounts);
  const pids = (await readdir(proc).catch(ifAbsent([]))).filter((name) => /^\d+$/.test(name));
  for (const pid of pids.map(Number).filter((id) => id !== process.pid)) {
    const directory = join(proc, String(pid));
    const fds = await readdir(join(directory, 'fd')).catch(ifAbsent([]));
    const nodes = await Promise.all(fds.map((fd) => descriptors.written(directory, fd)));
    const found = new Set(nodes.filter((node) => node !== null));
    if (found.size === 0) continue;
    const command = (await readFile(join(directory, 'comm'), 'utf8').catch(ifAbsent('?'))).trim();
    for (const node of found) writers.push({ node, pid, command });
  }
  return writers;
}
