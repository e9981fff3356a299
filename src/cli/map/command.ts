/** `fastsync map`: what of a volume is in use, and why. */

import type { Argv } from 'yargs';
import { exitCodeHelp } from '../exit-codes.js';
import { loaded } from '../loaded.js';
import { mapOptions } from './options.js';

/** Adds the command to the command line. */
export function addMapCommand(yargs: Argv): Argv {
  return yargs.command(
    'map <volume>',
    'Show which ranges of a volume are in use, and why',
    (command) =>
      command
        .positional('volume', {
          type: 'string',
          demandOption: true,
          describe: 'A block device, partition, logical volume or image file',
        })
        .options(mapOptions)
        .epilogue(exitCodeHelp('map'))
        .example(
          '$0 map /dev/vg0/data',
          'Show geometry, journal state, used bytes by reason, and a picture',
        )
        .example(
          '$0 map disk.img --format ddrescue > disk.map',
          'Write a domain mapfile for ddrescue -m',
        )
        .example(
          '$0 map disk.img --format json | jq .usedBytes',
          'Print the used bytes, for a script',
        ),
    async (args) => (await loaded(() => import('./run.js'))).runMap(args),
  );
}
