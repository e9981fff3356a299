/**
 * Which file systems answer without waiting for a server, another node or a process, which may be gone.
 * The others are not accessed, unless something of the run's own lies on them.
 */

import { lstat, readlink } from 'node:fs/promises';
import type { BigIntStats } from 'node:fs';
import path from 'node:path';
import { mountOf, type MountLine } from './mount-table.js';

/** File systems whose inodes this kernel knows by itself. */
const localTypes: ReadonlySet<string> = new Set([
  ...['bcachefs', 'btrfs', 'erofs', 'exfat', 'ext2', 'ext3', 'ext4', 'f2fs', 'hfs', 'hfsplus'],
  ...['iso9660', 'jfs', 'minix', 'msdos', 'nilfs2', 'ntfs', 'ntfs3', 'reiserfs', 'squashfs', 'udf'],
  ...['vfat', 'xfs', 'zfs'],
  ...['devpts', 'devtmpfs', 'hugetlbfs', 'mqueue', 'proc', 'ramfs', 'rootfs', 'sysfs', 'tmpfs'],
]);

/** Most overlays on top of each other. */
const maxOverlayDepth = 4;
/** The kernel's MAXSYMLINKS. */
const mostLinks = 40;

export type Mounted = Pick<MountLine, 'device' | 'directory' | 'fsType' | 'superOptions'>;

/** Decides for the mounts of one namespace; `own` are the superblocks ("0:45") that the run's volumes lie on. */
export class Answering {
  readonly #table: readonly Mounted[];
  readonly #own: ReadonlySet<string>;

  constructor(table: readonly Mounted[], own: ReadonlySet<string>) {
    this.#table = table;
    this.#own = own;
  }

  /** Whether a file system may be accessed. */
  may(mount: Mounted, depth = maxOverlayDepth): boolean {
    if (this.#own.has(mount.device) || localTypes.has(mount.fsType)) return true;
    return mount.fsType === 'overlay' && depth > 0 && this.#standsOnLocal(mount, depth);
  }

  /** An overlay accesses the file systems of its layers. Relative names lie in container engines' own stores. */
  #standsOnLocal({ superOptions }: Mounted, depth: number): boolean {
    return layersOf(superOptions).every((layer) => {
      const mount = layer.startsWith('/') ? mountOf(layer, this.#table) : null;
      return mount === null || this.may(mount, depth - 1);
    });
  }

  /**
   * stat() of a path in the namespace whose root is at `root` ("" for ours). Null if nothing is there, or
   * if the path, links included, leads through a file system that is not accessed.
   */
  async stat(place: string, root = ''): Promise<BigIntStats | null> {
    let at = '/';
    let links = 0;
    let found: BigIntStats | null = null;
    const steps = place.split('/').reverse();
    if (!this.#mayEnter('/', root)) return null;
    for (let step = steps.pop(); step !== undefined; step = steps.pop()) {
      if (step === '' || step === '.') continue;
      const next = path.join(at, step);
      if (!this.#mayEnter(next, root)) return null;
      found = await lstat(`${root}${next}`, { bigint: true }).catch(() => null);
      if (found === null) return null;
      if (!found.isSymbolicLink()) {
        at = next;
        continue;
      }
      if (++links > mostLinks) return null;
      const target = await readlink(`${root}${next}`).catch(() => '');
      if (target.startsWith('/')) at = '/';
      steps.push(...target.split('/').reverse());
      found = null;
    }
    return found;
  }

  /** In a chroot the root is not in the table. Ours may be accessed: this program was read from it. */
  #mayEnter(place: string, root: string): boolean {
    const mount = mountOf(place, this.#table);
    return mount === null ? root === '' : this.may(mount);
  }
}

/** The directories of an overlay's layers, from its mount options. */
export function layersOf(superOptions: string): string[] {
  const layers = [...superOptions.matchAll(/(?:^|,)(?:upperdir|lowerdir\+?|datadir\+)=([^,]+)/g)];
  return layers.flatMap(([, value = '']) => value.split(':')).filter((layer) => layer !== '');
}
