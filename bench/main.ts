/** `npm run bench`: fastsync and its peers on the same volumes, in turn, in one table. */

import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { engineInfo } from '../src/engine/index.js';
import path from 'node:path';
import { execa } from 'execa';
import yargs from 'yargs';
import { freezes } from './freezes.js';
import { initContest } from './init.js';
import { mapContest } from './map.js';
import { type OnlinePlace, onlinePlace } from './online-place.js';
import { remoteContest } from './remote.js';
import { slowdown } from './slowdown.js';
import type { ContestOptions } from './source.js';
import { startUp } from './startup.js';
import { trackerOverhead } from './tracker-overhead.js';
import { verifyContest } from './verify.js';
import { Workshop } from './volumes.js';

/** What can be measured, by the name that --only takes. */
const contests: Readonly<Record<string, (options: ContestOptions) => Promise<string>>> = {
  init: initContest,
  verify: verifyContest,
  remote: remoteContest,
  map: mapContest,
  tracker: mounted(trackerOverhead),
  freezes: mounted(freezes),
  slowdown: mounted(slowdown),
};

/** What needs no volume, by the same names. */
const others: Readonly<Record<string, (rounds: number) => Promise<string>>> = { startup: startUp };

const names = [...Object.keys(others), ...Object.keys(contests)];

/** What needs a file system that is mounted, and can be frozen. */
function mounted(measure: (place: OnlinePlace) => Promise<string>) {
  return (options: ContestOptions) =>
    options.fs === 'ntfs'
      ? Promise.resolve('NTFS is no file system that can be frozen.\n')
      : onlinePlace(options, measure);
}

const args = await yargs(process.argv.slice(2))
  .options({
    rounds: { type: 'number', default: 5, describe: 'How often each tool runs' },
    gib: { type: 'number', default: 16, describe: 'Size of the volumes in GiB' },
    'used-gib': { type: 'number', default: 3, describe: 'Bytes in use on them in GiB' },
    seconds: { type: 'number', default: 10, describe: 'How long a load is measured' },
    only: {
      type: 'string',
      array: true,
      default: names,
      choices: names,
      describe: 'Which benchmarks',
    },
    fs: {
      type: 'string',
      array: true,
      default: ['ext4', 'xfs', 'ntfs'],
      choices: ['ext4', 'xfs', 'ntfs'],
    },
    scratch: { type: 'string', default: tmpdir(), describe: 'Where the images go' },
    out: { type: 'string', describe: 'Also write the tables to this file' },
  })
  .strict()
  .parseAsync();

const { stdout: cpu } = await execa('sh', ['-c', "lscpu | sed -n 's/^Model name: *//p'"]);
const { stdout: kernel } = await execa('uname', ['-r']);
const { backend, digest } = engineInfo();
const tables: string[] = [];
/** Each table is shown as soon as it is there: a run takes long, and may be stopped. */
const add = (text: string) => {
  tables.push(text);
  process.stdout.write(`${text}
`);
};
add(`${cpu}, kernel ${kernel}, engine on ${backend} with ${digest} digests, images in files on
direct-I/O loop devices.
`);

for (const kind of args.only) {
  const run = others[kind];
  if (run !== undefined) add(await run(args.rounds));
}
for (const fs of args.fs) {
  for (const kind of args.only) {
    const run = contests[kind];
    if (run === undefined) continue;
    const workshop = await Workshop.open(path.resolve(args.scratch));
    try {
      const { rounds, gib, usedGib, seconds } = args;
      const options = { workshop, fs, rounds, gib, usedGib, seconds };
      add(await run(options));
    } finally {
      await workshop.dispose();
    }
  }
}
if (args.out !== undefined) await writeFile(args.out, tables.join('\n'));
