/** `fastsync live`: keep targets following a source that is in use. */

import type { Argv } from 'yargs';
import { exitCodeHelp } from '../exit-codes.js';
import { loaded } from '../loaded.js';
import { usage } from '../values.js';
import { liveOptions, type LiveArguments } from './options.js';

/** Throws a usage error where the source is named and not needed, or the other way round. */
function isAboutASource({ src, recover }: Pick<LiveArguments, 'src' | 'recover'>): true {
  if (recover && src !== undefined)
    throw usage('--recover cannot be combined with --src: it works from the journal alone');
  if (!recover && src === undefined) throw usage('name the source with --src');
  return true;
}

/** Adds the command to the command line. */
export function addLiveCommand(yargs: Argv): Argv {
  return yargs.command(
    'live',
    'Replicate a source in use: seed the targets, then update them epoch by epoch',
    (command) =>
      command
        .options(liveOptions)
        .epilogue(exitCodeHelp('live'))
        .alias('yes', 'y')
        .check(isAboutASource)
        .example('$0 live --src /dev/vg0/data --dst /dev/sdb', 'Replicate a mounted volume')
        .example('$0 live --recover --dst /dev/sdb', 'After a crash: complete the target'),
    async (args) => (await loaded(() => import('./run.js'))).runLive(args),
  );
}
