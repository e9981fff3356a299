/** `fastsync status`: how the replications of this host are doing. */

import type { Argv } from 'yargs';
import { exitCodeHelp } from '../exit-codes.js';
import { loaded } from '../loaded.js';
import { statusOptions } from './options.js';

/** Adds the command to the command line. */
export function addStatusCommand(yargs: Argv): Argv {
  return yargs.command(
    'status',
    'Show the replications of this host: state, dirty bytes, last consistency point, lag',
    (command) => command.options(statusOptions).epilogue(exitCodeHelp('status')),
    async (args) => (await loaded(() => import('./run.js'))).runStatus(args),
  );
}
