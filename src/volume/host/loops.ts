/** The files and devices behind loop devices. */

import { execa } from 'execa';
import { abandon, within } from '../../within.js';
import { mountOf } from './mount-table.js';
import type { Namespace } from './mounts.js';
import { newFileNode, nodeOfStat, type NodeId } from '../node.js';
import type { BlockDevice, SystemRoots } from './sysfs.js';

export interface Backing {
  readonly node: NodeId;
  /** The path in sysfs. */
  readonly file: string;
  /** False: its file system must not be accessed, and `node` is made from the path. */
  readonly isKnown: boolean;
}

/** Far longer than losetup takes unless something hangs. */
const losetupLimitMs = 10_000;

/** What is behind each attached loop device, by the device's node. */
export async function backingsOf(
  devices: readonly BlockDevice[],
  namespaces: readonly Namespace[],
  roots: SystemRoots,
): Promise<ReadonlyMap<NodeId, Backing>> {
  const found = new Map<NodeId, Backing>();
  const loops = devices.flatMap(({ node, name, loop }) =>
    loop === null ? [] : [{ node, name, file: loop.file }],
  );
  // The path may belong to any namespace: accessing it must be harmless in all of them.
  const answers = ({ file }: { readonly file: string }) =>
    namespaces.every(({ table, answering }) => {
      const mount = mountOf(file, table);
      return mount === null || answering.may(mount);
    });
  const askable = loops.filter(answers);
  const isAll = askable.length === loops.length;
  const inodes =
    roots.sys === '/sys'
      ? await loopInodes(
          askable.map(({ name }) => name),
          isAll,
        )
      : new Map<string, NodeId>();
  for (const loop of loops) {
    const { node, name, file } = loop;
    if (!askable.includes(loop)) {
      found.set(node, { node: newFileNode(file), file, isKnown: false });
      continue;
    }
    const there = await namespaces[0]?.answering.stat(file);
    const byPath = there == null ? null : nodeOfStat(there);
    const backing = byPath?.startsWith('block:') ? byPath : (inodes.get(name) ?? byPath);
    if (backing !== null) found.set(node, { node: backing, file, isKnown: true });
  }
  return found;
}

/**
 * The files behind loop devices according to losetup (the LOOP_GET_STATUS64 ioctl), by kernel name. sysfs
 * has only a path, which is wrong if the file was deleted, renamed, or lies in another namespace. The
 * ioctl accesses the file system of the file: a device that does not answer in time is left out.
 */
async function loopInodes(
  names: readonly string[],
  isAll: boolean,
): Promise<ReadonlyMap<string, NodeId>> {
  if (names.length === 0) return new Map();
  const all = isAll ? await losetup([]) : null;
  if (all !== null) return new Map(all);
  const each = await Promise.all(names.map((name) => losetup([`/dev/${name}`])));
  return new Map(each.flatMap((entries) => entries ?? []));
}

/** Null if losetup did not end in time. */
async function losetup(device: readonly string[]): Promise<[string, NodeId][] | null> {
  const columns = 'NAME,BACK-MAJ:MIN,BACK-INO';
  const child = execa('losetup', ['--list', '--json', '--output', columns, ...device], {
    reject: false,
    cleanup: false,
  });
  const result = await within(losetupLimitMs, child);
  if (result === null) {
    abandon(child);
    return null;
  }
  if (result.failed || result.stdout === '') return [];
  const { loopdevices } = JSON.parse(result.stdout) as { loopdevices: Record<string, unknown>[] };
  const text = (value: unknown) => String(value).trim();
  return loopdevices.map((entry) => [
    text(entry.name).replace('/dev/', ''),
    `file:${text(entry['back-maj:min'])}:${text(entry['back-ino'])}`,
  ]);
}
