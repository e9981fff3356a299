/** Seeding from the outside: a source and a target full of garbage, and the proof that they are the same. */

import path from 'node:path';
import type { ExecutionContext } from 'ava';
import { execa } from 'execa';
import { fillWithGarbage } from './garbage.js';
import { mounted, scratchDirectory, sparseFile } from './scratch.js';
import { populateTree, treeDifferences } from './tree.js';

export const mebibyte = 1024 ** 2;

/** How to make, mount and check one kind of file system; the device is added at the end. */
export interface Kind {
  readonly mkfs: readonly [string, ...string[]];
  /** `mount` unless the file system lives in user space. */
  readonly mount?: readonly string[];
  readonly fsck: readonly [string, ...string[]];
}

export function extKind(mkfs: string, ...options: readonly string[]): Kind {
  return { mkfs: [mkfs, '-q', '-F', ...options, '-E', 'nodiscard'], fsck: ['e2fsck', '-fn'] };
}

export function xfsKind(...options: readonly string[]): Kind {
  return {
    mkfs: ['mkfs.xfs', '-q', '-f', '-K', ...options],
    mount: ['-o', 'nouuid'],
    fsck: ['xfs_repair', '-n'],
  };
}

export function ntfsKind(...options: readonly string[]): Kind {
  return {
    mkfs: ['mkfs.ntfs', '-q', '-F', '-f', ...options],
    mount: ['-t', 'ntfs-3g'],
    fsck: ['ntfsfix', '-n'],
  };
}

export interface Pair {
  readonly directory: string;
  readonly source: string;
  readonly target: string;
  /** Where checkpoints go: a place of the test's own. */
  readonly state: readonly string[];
}

/** A populated volume, its free space full of garbage, and a target full of another. */
export async function makePair(t: ExecutionContext, kind: Kind, bytes: number): Promise<Pair> {
  const directory = await scratchDirectory(t);
  const source = await sparseFile(path.join(directory, 'source.img'), bytes);
  const target = await sparseFile(path.join(directory, 'target.img'), bytes);
  await fillWithGarbage(source, bytes, 2);
  const [mkfs, ...options] = kind.mkfs;
  await execa(mkfs, [...options, source]);
  const { directory: mount, unmount } = await mountedKind(t, kind, source);
  await populateTree(mount, 7, 16);
  await unmount();
  await fillWithGarbage(target, bytes);
  return { directory, source, target, state: ['--state-dir', path.join(directory, 'state')] };
}

/** Mounts an image of this kind by loop. */
export function mountedKind(
  t: ExecutionContext,
  kind: Kind,
  image: string,
  options: readonly string[] = [],
) {
  return mounted(t, image, ['-o', 'loop', ...(kind.mount ?? []), ...options]);
}

/** fsck finds nothing, and the trees are the same in every respect. */
export async function proveSame(
  t: ExecutionContext,
  kind: Kind,
  source: string,
  target: string,
): Promise<void> {
  const [fsck, ...options] = kind.fsck;
  const { exitCode, all } = await execa(fsck, [...options, target], { reject: false, all: true });
  t.is(exitCode, 0, all);
  const left = await mountedKind(t, kind, source, ['-o', 'ro']);
  const right = await mountedKind(t, kind, target, ['-o', 'ro']);
  t.deepEqual(await treeDifferences(left.directory, right.directory), []);
  await left.unmount();
  await right.unmount();
}
