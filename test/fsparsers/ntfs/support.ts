/** NTFS volumes made by mkntfs and ntfs-3g, and what the ntfsprogs say of their clusters. */

import { open, mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { ExecutionContext } from 'ava';
import { execa } from 'execa';
import { endingWithUs } from '../../support/lifetime.js';
import { ntfsParser } from '../../../fsparsers/ntfs/index.js';
import type { UsedMap } from '../../../fsparsers/usedmap.js';
import { FileByteReader } from '../../../src/volume/index.js';
import { scratchDirectory, sparseFile } from '../../support/scratch.js';
import { during } from '../../support/until.js';

export const mebibyte = 1 << 20;

/** The map of an image file. */
export async function mapImage(image: string): Promise<UsedMap> {
  const handle = await open(image);
  try {
    const { size } = await handle.stat();
    return await ntfsParser.parse(new FileByteReader(handle, image, size));
  } finally {
    await handle.close();
  }
}

/** An image with a fresh NTFS; `options` are mkntfs's own. */
export async function makeNtfs(
  t: ExecutionContext,
  sizeBytes: number,
  options: readonly string[] = [],
): Promise<string> {
  const image = path.join(await scratchDirectory(t), 'ntfs.img');
  await sparseFile(image, sizeBytes);
  await execa('mkntfs', ['--force', '--quick', '--quiet', ...options, image]);
  return image;
}

/**
 * Runs `work` on the volume mounted by ntfs-3g. On return it is unmounted, and ntfs-3g, which writes
 * on after umount has returned, has ended.
 */
export async function whileMounted(
  t: ExecutionContext,
  image: string,
  work: (directory: string) => Promise<unknown>,
): Promise<void> {
  const directory = path.join(await scratchDirectory(t), 'mnt');
  await mkdir(directory);
  const driver = execa(...endingWithUs('ntfs-3g', ['-o', 'no_detach', image, directory]));
  try {
    await during(driver, () => isMounted(directory));
    await work(directory);
  } finally {
    await execa('umount', [directory], { reject: false });
    await driver;
  }
}

async function isMounted(directory: string): Promise<boolean> {
  const { exitCode } = await execa('mountpoint', ['--quiet', directory], { reject: false });
  return exitCode === 0;
}

/** Clusters in use, one byte each, as ntfscat reads $Bitmap. */
export async function clustersByNtfscat(image: string, clusterCount: number): Promise<Uint8Array> {
  const { stdout: bitmap } = await execa('ntfscat', ['--force', '--inode', '6', image], {
    encoding: 'buffer',
    maxBuffer: 1 << 30,
  });
  return Uint8Array.from(
    { length: clusterCount },
    (_, cluster) => ((bitmap[cluster >> 3] ?? 0) >> (cluster & 7)) & 1,
  );
}

/**
 * Where a map and a list of clusters differ, in words. The device's last sector may be used on top
 * of what the clusters say: the backup boot sector is no cluster's.
 */
export function clusterDifferences(map: UsedMap, isUsed: Uint8Array): string[] {
  const { blockBytes } = map.filesystem;
  const clustersEnd = isUsed.length * blockBytes;
  const differences: string[] = [];
  for (const { start, length, reason } of map.ranges) {
    const end = start + length;
    if (end > clustersEnd && reason === 'free') differences.push(`free at ${start}, past the end`);
    const firstCluster = Math.floor(start / blockBytes);
    const lastCluster = Math.min(Math.ceil(end / blockBytes), isUsed.length);
    for (let cluster = firstCluster; cluster < lastCluster; cluster++) {
      const expected = isUsed[cluster] === 1;
      const isLastSector = start >= map.deviceBytes - 4096;
      if ((reason === 'free') === expected && !isLastSector) {
        differences.push(`cluster ${cluster} is ${reason}, the bit is ${isUsed[cluster]}`);
      }
    }
  }
  return differences;
}
