/** `fastsync config check`: silent when the configuration is right. */

import type { Argv } from 'yargs';
import { exitCodeHelp } from '../exit-codes.js';
import { loaded } from '../loaded.js';
import { configOptions } from './options.js';

/** Adds the command to the command line. */
export function addConfigCommand(yargs: Argv): Argv {
  return yargs.command('config', 'Check the configuration file', (command) =>
    command
      .epilogue(exitCodeHelp('config'))
      .demandCommand(1, 'Name a command: check.')
      .command(
        'check',
        'List the errors in the configuration file; print nothing if there are none',
        (check) =>
          check
            .options(configOptions)
            .epilogue(exitCodeHelp('config check'))
            .example('$0 config check', 'List every error as file:line:column: sentence'),
        async (args) => (await loaded(() => import('./run.js'))).runConfigCheck(args),
      ),
  );
}
