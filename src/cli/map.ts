/** `fastsync map`: what of a volume is in use, and why. */

import type { Argv } from 'yargs';
import { mapVolume } from '../../fsparsers/index.js';
import { exitCodes } from '../errors.js';
import { mapText } from '../report/index.js';
import { openVolume } from '../volume/index.js';
import { identification, identificationOptions } from './options.js';
import { runCommand } from './run.js';
import { print } from './print.js';

/** Adds the command to the command line. */
export function addMapCommand(yargs: Argv): Argv {
  return yargs.command(
    'map <volume>',
    'Show what of a volume is in use, and why',
    (command) =>
      command
        .positional('volume', {
          type: 'string',
          demandOption: true,
          describe: 'A block device, partition, logical volume or image file',
        })
        .options(identificationOptions)
        .example(
          '$0 map /dev/vg0/data',
          'Geometry, journal state, used bytes by reason, a picture',
        ),
    async (args) => {
      // The map itself is the output: a summary would stand in the way of whoever parses it.
      await runCommand('map', { json: false, quiet: true }, async ({ reporter, signal }) => {
        await using volume = await openVolume(args.volume);
        const map = await mapVolume(volume.reader, { ...identification(args), signal });
        for (const note of map.notes) reporter.report({ type: 'note', ...note });
        await print(process.stdout, [mapText(args.volume, map)]);
        return { outcome: 'done', exitCode: exitCodes.done, facts: [], figures: {} };
      });
    },
  );
}
