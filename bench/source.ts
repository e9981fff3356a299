/** The volume that benchmarks work on: partly used, fragmented, of a kind of file system that is asked for. */

import path from 'node:path';
import { execa } from 'execa';
import { fillFragmented, gibibyte, type Workshop } from './volumes.js';

export interface ContestOptions {
  readonly workshop: Workshop;
  readonly fs: string;
  readonly rounds: number;
  readonly gib: number;
  readonly usedGib: number;
  /** How long one reading of a load takes, where a load is measured. */
  readonly seconds: number;
}

export const fastsync = ['node', path.resolve('dist/program/fastsync.mjs')] as const;
export const fastverify = ['node', path.resolve('dist/program/fastverify.mjs')] as const;

const makers: Readonly<Record<string, readonly [string, ...string[]]>> = {
  ext4: ['mkfs.ext4', '-q', '-F'],
  xfs: ['mkfs.xfs', '-q', '-f'],
  ntfs: ['mkntfs', '-q', '-f', '-F'],
};

const mounters: Readonly<Record<string, readonly [string, ...string[]]>> = {
  ntfs: ['mount', '-t', 'ntfs-3g', '-o', 'big_writes'],
};

export interface BenchSource {
  /** The image, and the loop device on it. */
  readonly image: string;
  readonly source: string;
  readonly usedBytes: number;
  readonly ranges: readonly UsedRange[];
}

/** In bytes. */
export interface UsedRange {
  readonly start: number;
  readonly length: number;
}

/** Makes, mounts, fills and maps it. */
export async function makeSource(options: ContestOptions): Promise<BenchSource> {
  const { workshop, fs, gib, usedGib } = options;
  const image = await workshop.image('source.img', gib * gibibyte);
  const source = await workshop.loop(image);
  const [mkfs, ...mkfsArgs] = makers[fs] ?? ['false'];
  await execa(mkfs, [...mkfsArgs, source]);
  await workshop.mounted(mounters[fs] ?? ['mount'], source, (directory) =>
    fillFragmented(directory, usedGib * gibibyte),
  );
  const { stdout } = await execa(fastsync[0], [fastsync[1], 'map', source, '--format', 'json']);
  const { usedBytes, ranges } = JSON.parse(stdout) as {
    usedBytes: number;
    ranges: UsedRange[];
  };
  return { image, source, usedBytes, ranges };
}
