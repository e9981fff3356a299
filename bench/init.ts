/** How long a seed takes: fastsync against every tool that copies a whole file system. */

import path from 'node:path';
import { execa } from 'execa';
import { type Contestant, contest } from './measure.js';
import { scoreTable } from './table.js';
import { fillFragmented, gibibyte, type Workshop } from './volumes.js';

export interface ContestOptions {
  readonly workshop: Workshop;
  readonly fs: string;
  readonly rounds: number;
  readonly gib: number;
  readonly usedGib: number;
}

const mebibyte = 1024 ** 2;
export const fastsync = ['node', path.resolve('dist/bin/fastsync.js')] as const;

const makers: Readonly<Record<string, readonly [string, ...string[]]>> = {
  ext4: ['mkfs.ext4', '-q', '-F'],
  xfs: ['mkfs.xfs', '-q', '-f'],
  ntfs: ['mkntfs', '-q', '-f', '-F'],
};

const mounters: Readonly<Record<string, readonly [string, ...string[]]>> = {
  ntfs: ['mount', '-t', 'ntfs-3g', '-o', 'big_writes'],
};

/** Seeds one volume to another with each tool; returns the table. */
export async function initContest(options: ContestOptions): Promise<string> {
  const { workshop, fs, rounds, gib, usedGib } = options;
  const source = await workshop.loop(await workshop.image('source.img', gib * gibibyte));
  const target = await workshop.loop(await workshop.image('target.img', gib * gibibyte));
  const [mkfs, ...mkfsArgs] = makers[fs] ?? ['false'];
  await execa(mkfs, [...mkfsArgs, source]);
  await workshop.mounted(mounters[fs] ?? ['mount'], source, (directory) =>
    fillFragmented(directory, usedGib * gibibyte),
  );
  const { stdout } = await execa(fastsync[0], [fastsync[1], 'map', source, '--format', 'json']);
  const { usedBytes, ranges } = JSON.parse(stdout) as { usedBytes: number; ranges: unknown[] };
  const contestants = contestantsFor(fs, source, target, usedBytes);
  const scores = await contest(contestants, rounds, workshop.directory);
  const title = `Seeding ${gib} GiB of ${fs}, ${(usedBytes / gibibyte).toFixed(2)} GiB used, ${ranges.length} ranges`;
  return scoreTable(title, scores);
}

function contestantsFor(
  fs: string,
  source: string,
  target: string,
  usedBytes: number,
): Contestant[] {
  const common: Contestant[] = [
    {
      name: 'fastsync init',
      command: [
        ...fastsync,
        'init',
        '--src',
        source,
        '--dst',
        target,
        '--yes',
        '-q',
        '--no-resume',
      ],
    },
    {
      name: 'dd O_DIRECT of the used bytes',
      command: [
        'dd',
        `if=${source}`,
        `of=${target}`,
        'bs=1M',
        'iflag=direct',
        'oflag=direct',
        `count=${Math.ceil(usedBytes / mebibyte)}`,
      ],
    },
    {
      name: 'qemu-img convert',
      command: [
        'qemu-img',
        'convert',
        '-n',
        ...['-f', 'raw', '-O', 'raw', '-t', 'none', '-T', 'none'],
        source,
        target,
      ],
    },
  ];
  const peers: Readonly<Record<string, readonly Contestant[]>> = {
    ext4: [
      partclone('partclone.extfs', source, target),
      { name: 'e2image -ra', command: ['e2image', '-ra', source, target] },
    ],
    xfs: [
      partclone('partclone.xfs', source, target),
      { name: 'xfs_copy', command: ['xfs_copy', source, target] },
    ],
    ntfs: [
      partclone('partclone.ntfs', source, target),
      {
        name: 'ntfsclone',
        command: ['ntfsclone', '--quiet', '--force', '--overwrite', target, source],
      },
    ],
  };
  return [...common, ...(peers[fs] ?? [])];
}

function partclone(name: string, source: string, target: string): Contestant {
  return { name, command: [name, '-b', '-q', '-L', '/dev/null', '-s', source, '-O', target] };
}
