/** ext volumes whose bitmaps call free what a file owns, with counts and checksums that agree with the bitmaps. */

import { execa } from 'execa';

/** The blocks of a file, its mapping included; `file` is as debugfs takes it: a path, or `<12>`. */
export async function blocksOf(image: string, file: string): Promise<number[]> {
  const { stdout } = await execa('debugfs', ['-R', `blocks ${file}`, image]);
  return stdout.split(/\s+/).filter(Boolean).map(Number);
}

/** Where a file's extended attributes lie that have no room in its inode; null: nowhere. */
export async function attributeBlockOf(image: string, file: string): Promise<number | null> {
  const { stdout } = await execa('debugfs', ['-R', `stat ${file}`, image]);
  const block = Number(/File ACL: (\d+)/.exec(stdout)?.[1] ?? 0);
  return block === 0 ? null : block;
}

/** Frees blocks that are in use, as a resize that broke off or a second mount would. */
export async function freeOwned(image: string, blocks: readonly number[]): Promise<void> {
  const { stdout } = await execa('dumpe2fs', [image]);
  const figure = (name: string) =>
    Number(new RegExp(`^${name}: +(\\d+)`, 'm').exec(stdout)?.[1] ?? 0);
  const perCluster = Math.max(1, figure('Cluster size') / figure('Block size'));
  const clusters = new Set(blocks.map((block) => Math.floor(block / perCluster)));
  const freed = new Map<number, number>();
  for (const cluster of clusters) {
    const offset = cluster * perCluster - figure('First block');
    const group = Math.floor(offset / figure('Blocks per group'));
    freed.set(group, (freed.get(group) ?? 0) + 1);
  }
  const freeIn = (group: number) =>
    Number(
      new RegExp(`^Group ${group}: [^]*?(\\d+) free (?:blocks|clusters),`, 'm').exec(stdout)?.[1],
    );
  const script = [
    ...[...clusters].map((cluster) => `freeb ${cluster * perCluster}`),
    ...[...freed].flatMap(([group, count]) => [
      `set_bg ${group} free_blocks_count ${freeIn(group) + count}`,
      `set_bg ${group} checksum calc`,
    ]),
    `set_super_value free_blocks_count ${figure('Free blocks') + clusters.size * perCluster}`,
  ];
  await execa('debugfs', ['-w', '-f', '-', image], { input: script.join('\n') });
}

/** The blocks that e2fsck finds in use and free in the bitmap. */
export async function missedByE2fsck(image: string): Promise<number[]> {
  const { stdout } = await execa('e2fsck', ['-fn', image], { reject: false });
  const differences = [...stdout.matchAll(/^Block bitmap differences: (.*)$/gm)];
  return differences.flatMap(([, list = '']) =>
    [...list.matchAll(/\+\(?(\d+)(?:--(\d+)\))?/g)].flatMap(([, first, last]) => {
      const count = Number(last ?? first) - Number(first) + 1;
      return Array.from({ length: count }, (_, nth) => Number(first) + nth);
    }),
  );
}
