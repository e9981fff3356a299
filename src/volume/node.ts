/** An identifier for storage that does not depend on the path: a device number, or a file's inode. */

import type { BigIntStats } from 'node:fs';

/**
 * "block:8:1" or "file:8:1:131074" (the file system's device number and the inode); of another host with
 * "remote:" and that kernel's boot id before it.
 */
export type NodeId = `block:${string}` | `file:${string}` | `remote:${string}`;

/** Splits Linux's dev_t (gnu_dev_major and gnu_dev_minor of glibc's sys/sysmacros.h). */
export function deviceNumbers(device: bigint): { major: number; minor: number } {
  return {
    major: Number(((device >> 8n) & 0xfffn) | ((device >> 32n) & 0xfffff000n)),
    minor: Number((device & 0xffn) | ((device >> 12n) & 0xffffff00n)),
  };
}

export function blockNode(major: number, minor: number): NodeId {
  return `block:${major}:${minor}`;
}

export function fileNode(device: bigint, inode: bigint): NodeId {
  const { major, minor } = deviceNumbers(device);
  return `file:${major}:${minor}:${inode}`;
}

/** The node of a file that does not exist yet, or that must not be accessed. */
export function newFileNode(path: string): NodeId {
  return `file:new:${path}`;
}

/**
 * The node that a stat result (with `bigint: true`) describes; null for files that store no bytes
 * themselves.
 */
export function nodeOfStat(stat: BigIntStats): NodeId | null {
  if (stat.isBlockDevice()) {
    const { major, minor } = deviceNumbers(stat.rdev);
    return blockNode(major, minor);
  }
  return stat.isFile() ? fileNode(stat.dev, stat.ino) : null;
}
