/** `fastsync live`: keep targets following a source that is in use. */

import type { Argv } from 'yargs';
import { exitCodeHelp } from '../exit-codes.js';
import { loaded } from '../loaded.js';
import { usage } from '../values.js';
import { liveOptions, type LiveArguments } from './options.js';

/** Throws a usage error where the source is named and not needed, or the other way round. */
function isAboutASource({ src, recover }: Pick<LiveArguments, 'src' | 'recover'>): true {
  if (recover && src !== undefined)
    throw usage('--recover needs no --src: it works from the journal');
  if (!recover && src === undefined) throw usage('--src is missing: what is to be followed?');
  return true;
}

/** Adds the command to the command line. */
export function addLiveCommand(yargs: Argv): Argv {
  return yargs.command(
    'live',
    'Follow: seed targets from a source in use, then keep them the same, epoch by epoch',
    (command) =>
      command
        .options(liveOptions)
        .epilogue(exitCodeHelp('live'))
        .alias('yes', 'y')
        .check(isAboutASource)
        .example('$0 live --src /dev/vg0/data --dst /dev/sdb', 'Follow a mounted volume')
        .example('$0 live --recover --dst /dev/sdb', 'After a crash: make the target whole'),
    async (args) => (await loaded(() => import('./run.js'))).runLive(args),
  );
}
