/** `fastsync completion`: a script that teaches a shell the options of both programs. */

import type { Argv } from 'yargs';
import type { ProgramOutline } from './program-outline.js';
import { exitCodeHelp } from '../exit-codes.js';
import { loaded } from '../loaded.js';
import { shells, completionOptions } from './options.js';

/** Adds the command to the command line; `programs` are what the script completes. */
export function addCompletionCommand(yargs: Argv, programs: () => readonly ProgramOutline[]): Argv {
  return yargs.command(
    'completion <shell>',
    'Print a shell completion script for fastsync and fastverify',
    (command) =>
      command
        .positional('shell', {
          choices: shells,
          demandOption: true,
          describe: 'The shell; pairs: print the names of the configured pairs',
        })
        .options(completionOptions)
        .epilogue(exitCodeHelp('completion'))
        .example('source <($0 completion bash)', 'In ~/.bashrc')
        .example(
          '$0 completion zsh > /usr/local/share/zsh/site-functions/_fastsync',
          'For all users',
        ),
    async (args) => (await loaded(() => import('./run.js'))).runCompletion(args, programs),
  );
}
