/** How long reading a map takes, and how much memory, on volumes too large or too shattered to be usual. */

import { execa } from 'execa';
import { contest, type Contestant } from './measure.js';
import { scoreTable } from './table.js';
import { type ContestOptions, fastsync } from './source.js';
import { gibibyte, type Workshop } from './volumes.js';

const tebibyte = 1024 * gibibyte;

interface Case {
  readonly title: string;
  /** Makes the volume; gives its path. */
  readonly make: (workshop: Workshop) => Promise<string>;
  readonly peers: (volume: string) => readonly Contestant[];
}

function sparse(bytes: number, mkfs: string, ...options: readonly string[]): Case['make'] {
  return async (workshop) => {
    const image = await workshop.memoryImage(`${bytes}.img`, bytes);
    await execa(mkfs, [...options, image]);
    return image;
  };
}

function partcloneDomain(name: string, volume: string): Contestant {
  const command = [name, '-D', '-q', '-L', '/dev/null', '-s', volume, '-O', '/dev/null'];
  return { name: `${name} (domain log)`, command };
}

function xfsPeers(volume: string): readonly Contestant[] {
  return [
    { name: 'xfs_db freesp', command: ['xfs_db', '-r', '-c', 'freesp -s', volume] },
    partcloneDomain('partclone.xfs', volume),
  ];
}

const cases: Readonly<Record<string, readonly Case[]>> = {
  ext4: [
    {
      title: '8 TiB of ext4, sparse',
      make: sparse(8 * tebibyte, 'mkfs.ext4', '-q', '-F'),
      peers: (volume) => [
        { name: 'dumpe2fs', command: ['dumpe2fs', volume] },
        partcloneDomain('partclone.extfs', volume),
      ],
    },
  ],
  xfs: [
    {
      title: '8 TiB of XFS, sparse',
      make: sparse(8 * tebibyte, 'mkfs.xfs', '-q', '-f'),
      peers: xfsPeers,
    },
    {
      // partclone counts blocks in 32 bits here and goes wrong: it is left out.
      title: '90 TiB of XFS, sparse',
      make: sparse(90 * tebibyte, 'mkfs.xfs', '-q', '-f'),
      peers: (volume) => xfsPeers(volume).slice(0, 1),
    },
    { title: 'XFS with a million free extents', make: shatteredXfs, peers: xfsPeers },
  ],
  ntfs: [
    {
      title: '8 TiB of NTFS, sparse',
      make: sparse(8 * tebibyte, 'mkntfs', '-q', '-f', '-F'),
      peers: (volume) => [partcloneDomain('partclone.ntfs', volume)],
    },
  ],
};

const holes = 1_000_000;
const holeBytes = 4096;

/** One file of eight GB of allocated space, with every second block punched out again. */
async function shatteredXfs(workshop: Workshop): Promise<string> {
  const image = await workshop.image('shattered.img', 16 * gibibyte);
  await execa('mkfs.xfs', ['-q', '-f', image]);
  await workshop.mounted(['mount', '-o', 'loop'], image, async (directory) => {
    const punches = Array.from(
      { length: holes },
      (_, index) => `fpunch ${2 * index * holeBytes} ${holeBytes}`,
    );
    const input = [`falloc 0 ${2 * holes * holeBytes}`, ...punches, 'quit', ''].join('\n');
    await execa('xfs_io', ['-f', `${directory}/shattered`], { input, stdout: 'ignore' });
  });
  return image;
}

/** Maps each volume with every tool that can; returns the tables. */
export async function mapContest({ workshop, fs, rounds }: ContestOptions): Promise<string> {
  const tables: string[] = [];
  for (const { title, make, peers } of cases[fs] ?? []) {
    const volume = await make(workshop);
    const ours = { name: 'fastsync map', command: [...fastsync, 'map', volume] };
    const scores = await contest([ours, ...peers(volume)], rounds, workshop.directory);
    tables.push(scoreTable(`Map of ${title}`, scores));
  }
  return tables.join('\n');
}
