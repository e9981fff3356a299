/** `fastsync map`: what of a volume is in use, and why. */

import type { Argv } from 'yargs';
import { mapVolume } from '../../fsparsers/index.js';
import { exitCodes } from '../errors.js';
import { formats, type FormatName } from '../region/formats/index.js';
import { mapText } from '../report/index.js';
import { openVolume } from '../volume/index.js';
import { identification, identificationOptions } from './options.js';
import { runCommand } from './run.js';
import { print } from './print.js';

const formatNames = ['text', ...(Object.keys(formats) as FormatName[])] as const;

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
        .option('format', {
          choices: formatNames,
          default: 'text' as const,
          describe: 'How to print it: for people, or for another tool',
        })
        .options(identificationOptions)
        .example('$0 map /dev/vg0/data', 'Geometry, journal state, used bytes by reason, a picture')
        .example('$0 map disk.img --format ddrescue > disk.map', 'A domain for ddrescue -m')
        .example('$0 map disk.img --format json | jq .usedBytes', 'The used bytes, for a script'),
    async (args) => {
      // The map itself is the output: a summary would stand in the way of whoever parses it.
      await runCommand('map', { json: false, quiet: true }, async ({ reporter, signal }) => {
        await using volume = await openVolume(args.volume);
        const map = await mapVolume(volume.reader, { ...(await identification(args)), signal });
        for (const note of map.notes) reporter.report({ type: 'note', ...note });
        const device = { path: args.volume, bytes: map.deviceBytes };
        const { format } = args;
        const pieces =
          format === 'text' ? [mapText(args.volume, map)] : formats[format](map, device);
        await print(process.stdout, pieces);
        return { outcome: 'done', exitCode: exitCodes.done, facts: [], figures: {} };
      });
    },
  );
}
