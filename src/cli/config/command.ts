/** `fastsync config check`: silent when the configuration is right. */

import type { Argv } from 'yargs';
import { exitCodeHelp } from '../exit-codes.js';
import { loaded } from '../loaded.js';
import { configOptions } from './options.js';

/** Adds the command to the command line. */
export function addConfigCommand(yargs: Argv): Argv {
  return yargs.command('config', 'The configuration file', (command) =>
    command
      .epilogue(exitCodeHelp('config'))
      .demandCommand(1, 'Name what to do with the configuration: check.')
      .command(
        'check',
        'Say what is wrong with the configuration file; nothing if it is right',
        (check) =>
          check
            .options(configOptions)
            .epilogue(exitCodeHelp('config check'))
            .example('$0 config check', 'All problems: file:line:column: what'),
        async (args) => (await loaded(() => import('./run.js'))).runConfigCheck(args),
      ),
  );
}
