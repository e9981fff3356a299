/** How long reading a map takes, and how much memory, on volumes too large to be real. */

import { execa } from 'execa';
import { contest, type Contestant } from './measure.js';
import { scoreTable } from './table.js';
import { type ContestOptions, fastsync } from './init.js';
import { gibibyte } from './volumes.js';

const tebibyte = 1024 * gibibyte;

/** Maps a sparse 8 TiB volume with each tool that can; returns the table. */
export async function mapContest({ workshop, fs, rounds }: ContestOptions): Promise<string> {
  const image = await workshop.image('huge.img', 8 * tebibyte);
  await execa('mkfs.ext4', ['-q', '-F', '-E', 'lazy_itable_init=1', image]);
  const contestants: Contestant[] = [
    { name: 'fastsync map', command: [...fastsync, 'map', image] },
    { name: 'dumpe2fs', command: ['dumpe2fs', image] },
    {
      name: 'partclone.extfs (domain log)',
      command: ['partclone.extfs', '-D', '-q', '-L', '/dev/null', '-s', image, '-O', '/dev/null'],
    },
  ];
  const scores = await contest(contestants, rounds, workshop.directory);
  return scoreTable(`Map of 8 TiB of ${fs}, sparse`, scores);
}
