/** What tools nobody here wrote call free on an ext2/3/4 image, as extent lists in bytes. */

import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import type { ExecutionContext } from 'ava';
import { execa } from 'execa';
import { ExtentBuilder } from '../../../src/region/index.js';
import type { ExtentList } from '../../../src/region/index.js';
import { attachLoop, mounted, scratchDirectory } from '../../support/scratch.js';

/**
 * Free bytes by dumpe2fs. Under bigalloc it prints the first block of a run's last cluster as the
 * run's end, so the rest of that cluster is added here.
 */
export async function freeByDumpe2fs(image: string): Promise<ExtentList> {
  const { stdout } = await execa('dumpe2fs', [image]);
  const blockBytes = numberIn(stdout, /^Block size: +(\d+)$/m);
  const clusterBytes = numberIn(stdout, /^Cluster size: +(\d+)$/m, blockBytes);
  const blocksCount = numberIn(stdout, /^Block count: +(\d+)$/m);
  const free = new ExtentBuilder();
  for (const [, list = ''] of stdout.matchAll(/^ {2}Free blocks: (.*)$/gm)) {
    for (const run of list.split(', ').filter((text) => text !== '')) {
      const [first = NaN, last = first] = run.split('-').map(Number);
      const end = Math.min(last + clusterBytes / blockBytes, blocksCount);
      free.add(first * blockBytes, end * blockBytes);
    }
  }
  return free.finish();
}

/** The number that the first group of `pattern` finds; where nothing is found, `otherwise`. */
export function numberIn(text: string, pattern: RegExp, otherwise?: number): number {
  const found = pattern.exec(text)?.[1] ?? otherwise;
  if (found === undefined) throw new Error(`Expected ${String(pattern)} in ${text}`);
  return Number(found);
}

/** Free bytes by the kernel: FS_IOC_GETFSMAP on a read-only mount, through xfs_io. */
export async function freeByKernel(t: ExecutionContext, image: string): Promise<ExtentList> {
  const device = await attachLoop(t, image, ['--read-only']);
  const { directory, unmount } = await mounted(t, device, ['-t', 'ext4', '-o', 'ro,noload']);
  const { stdout } = await execa('xfs_io', ['-r', '-c', 'fsmap', directory]);
  await unmount();
  const sectorBytes = 512;
  const free = new ExtentBuilder();
  for (const [, first, last] of stdout.matchAll(/\[(\d+)\.\.(\d+)\]: free space/g)) {
    free.add(Number(first) * sectorBytes, (Number(last) + 1) * sectorBytes);
  }
  return free.finish();
}

/** Used bytes by partclone's domain map. */
export async function usedByPartclone(t: ExecutionContext, image: string): Promise<ExtentList> {
  const directory = await scratchDirectory(t);
  const mapFile = path.join(directory, 'domain');
  const log = path.join(directory, 'log');
  await execa('partclone.extfs', ['--domain', '-s', image, '-O', mapFile, '-L', log, '-q']);
  const text = await readFile(mapFile, 'utf8');
  await rm(directory, { recursive: true });
  const used = new ExtentBuilder();
  for (const [, start, length] of text.matchAll(/^(0x[0-9A-F]+) +(0x[0-9A-F]+) +\+$/gm)) {
    used.add(Number(start), Number(start) + Number(length));
  }
  return used.finish();
}
