/** How long a seed takes: fastsync against every tool that copies a whole file system. */

import { type Contestant, contest } from './measure.js';
import { scoreTable } from './table.js';
import { type ContestOptions, fastsync, makeSource } from './source.js';
import { gibibyte } from './volumes.js';

const mebibyte = 1024 ** 2;
/** Seeds one volume to another with each tool; returns the table. */
export async function initContest(options: ContestOptions): Promise<string> {
  const { workshop, fs, rounds, gib } = options;
  const { source, usedBytes, ranges } = await makeSource(options);
  const target = await workshop.loop(await workshop.image('target.img', gib * gibibyte));
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
