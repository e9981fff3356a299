/** `fastsync init`: seed targets from a source. */

import type { Argv } from 'yargs';
import { exitCodeHelp } from '../exit-codes.js';
import { loaded } from '../loaded.js';
import { initOptions } from './options.js';

/** Adds the command to the command line. */
export function addInitCommand(yargs: Argv): Argv {
  return yargs.command(
    'init',
    'Seed targets: copy what the source uses, and nothing less',
    (command) =>
      command
        .options(initOptions)
        .epilogue(exitCodeHelp('init'))
        .alias('yes', 'y')
        .example('$0 init --src /dev/sda2 --dst /dev/sdb2', 'Seed a partition')
        .example(
          '$0 init --src /dev/vg0/data --dst copy.img --verify',
          'Into a sparse file, read back',
        )
        .example(
          '$0 init --src /dev/sda2 --dst /dev/sdb2 --online',
          'While it is mounted: a point in time',
        )
        .example('$0 init --src a.img --dst b.img --dst c.img', 'Two targets, one reading')
        .example('$0 init --src /dev/sda2 --dst /dev/sdb2 --dry-run', 'Say what it would do'),
    async (args) => (await loaded(() => import('./run.js'))).runInit(args),
  );
}
