/** What `fastsync map` does. */

import { mapVolume } from '../../../fsparsers/index.js';
import { exitCodes } from '../../errors.js';
import { formats } from '../../region/formats/index.js';
import { mapText } from '../../report/index.js';
import { openVolume } from '../../volume/index.js';
import type { MapArguments } from './options.js';
import { print } from '../print.js';
import { runCommand } from '../run.js';
import { identification } from '../shared-arguments.js';

export function runMap(args: MapArguments): Promise<void> {
  // The map itself is the output: a summary would stand in the way of whoever parses it.
  return runCommand('map', { json: false, quiet: true }, async ({ reporter, signal }) => {
    await using volume = await openVolume(args.volume);
    const map = await mapVolume(volume.reader, { ...(await identification(args)), signal });
    for (const note of map.notes) reporter.report({ type: 'note', ...note });
    const device = { path: args.volume, bytes: map.deviceBytes };
    const { format } = args;
    const pieces = format === 'text' ? [mapText(args.volume, map)] : formats[format](map, device);
    await print(process.stdout, pieces);
    return { outcome: 'done', exitCode: exitCodes.done, facts: [], figures: {} };
  });
}
