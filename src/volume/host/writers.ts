/** Which processes have a volume open for writing, by their descriptors in /proc. */

import { constants } from 'node:fs';
import { readdir, readFile, readlink, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { cachedDevice } from '../../engine/index.js';
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

/** open(2): the access mode, and O_PATH, whose descriptors cannot write. */
const accessMask = 0o3;
const pathOnly = 0o10000000;

/** The contents of proc_pid_fdinfo(5), which waits for no server. */
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

/** Finds what descriptors are open on, and waits for no server that the run does not need. */
class Descriptors {
  readonly #wanted: ReadonlySet<NodeId>;
  readonly #inodes: ReadonlySet<string | undefined>;
  readonly #mounts: ReadonlyMap<number, Mount>;
  readonly #wantsDevices: boolean;

  constructor(wanted: ReadonlySet<NodeId>, mounts: readonly Mount[]) {
    this.#wanted = wanted;
    this.#inodes = new Set(
      [...wanted].filter((node) => node.startsWith('file:')).map((node) => node.split(':')[3]),
    );
    this.#wantsDevices = [...wanted].some((node) => node.startsWith('block:'));
    this.#mounts = new Map(mounts.map((mount) => [mount.id, mount]));
  }

  /** The node behind a descriptor if it is wanted and open for writing; else null. */
  async written(process: string, fd: string): Promise<NodeId | null> {
    const descriptor = join(process, 'fd', fd);
    // Sockets, pipes and the like have no path and need no closer look.
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
    if (mount !== undefined) {
      const device = await this.#deviceOn(mount, descriptor);
      if (device !== null) return `block:${device}`;
      return inode === null ? null : `file:${mount.superblock}:${inode}`;
    }
    // Lazily unmounted, of unknown type: accessed only if it may be a wanted node.
    const mayBe = target.startsWith('/dev/') || (inode !== null && this.#inodes.has(inode));
    return mayBe ? statApart(descriptor) : null;
  }

  /** The device whose node on a network or FUSE file system is open. */
  async #deviceOn({ hasDevices, fsType }: Mount, descriptor: string): Promise<string | null> {
    const mayBe = this.#wantsDevices && hasDevices && cachingTypes.test(fsType);
    return mayBe ? cachedDevice(descriptor) : null;
  }
}

/** Their statx() with AT_STATX_DONT_SYNC asks no server. */
const cachingTypes = /^(fuse|fuseblk|fuse\..*|nfs|nfs4|cifs|smb3|ceph)$/;

/** Far longer than it takes unless something hangs. */
const statLimitMs = 5_000;

/** stat() in a process of its own, which may hang; null if it does not answer in time. */
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
 * Finds the processes that have any of `wanted` open for writing, except our own. Processes that we may
 * not inspect are left out: root may inspect all. It does not find a writable mapping whose descriptor was
 * closed.
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
