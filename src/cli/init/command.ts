/** `fastsync init`: seed targets from a source. */

import type { Argv } from 'yargs';
import { exitCodeHelp } from '../exit-codes.js';
import { loaded } from '../loaded.js';
import { initOptions } from './options.js';

/** Adds the command to the command line. */
export function addInitCommand(yargs: Argv): Argv {
  return yargs.command(
    'init',
    'Copy the used ranges of a volume to one or more targets',
    (command) =>
      command
        .options(initOptions)
        .epilogue(exitCodeHelp('init'))
        .alias('yes', 'y')
        .example('$0 init --src /dev/sda2 --dst /dev/sdb2', 'Copy a partition')
        .example(
          '$0 init --src /dev/vg0/data --dst copy.img --verify',
          'Copy to a sparse file, and read it back',
        )
        .example(
          '$0 init --src /dev/sda2 --dst /dev/sdb2 --online',
          'Copy a mounted source at a point in time',
        )
        .example('$0 init --src a.img --dst b.img --dst c.img', 'Copy to two targets in one pass')
        .example('$0 init --src /dev/sda2 --dst /dev/sdb2 --dry-run', 'Show what it would do'),
    async (args) => (await loaded(() => import('./run.js'))).runInit(args),
  );
}
