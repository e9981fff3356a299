/** `fastsync completion`: a script that teaches a shell the options of both programs. */

import type { Argv } from 'yargs';
import { defaultConfigPath, loadConfig } from '../config/index.js';
import { exitCodes } from '../errors.js';
import { bashCompletion } from './completion/bash.js';
import type { ProgramOutline } from './completion/program-outline.js';
import { zshCompletion } from './completion/zsh.js';
import { print } from './print.js';
import { runCommand } from './run.js';

const scripts: Readonly<Record<string, (programs: readonly ProgramOutline[]) => string>> = {
  bash: bashCompletion,
  zsh: zshCompletion,
};

/** Adds the command to the command line; `programs` are what the script completes. */
export function addCompletionCommand(yargs: Argv, programs: () => readonly ProgramOutline[]): Argv {
  return yargs.command(
    'completion <shell>',
    'Print a script that completes the words of fastsync and fastverify',
    (command) =>
      command
        .positional('shell', {
          // "pairs" is for the scripts: the names that the configuration has, one a line.
          choices: [...Object.keys(scripts), 'pairs'],
          demandOption: true,
          describe: 'The shell that is to be taught; pairs: the names in the configuration',
        })
        .option('config', {
          type: 'string',
          default: defaultConfigPath,
          describe: 'For pairs: the configuration',
        })
        .example('source <($0 completion bash)', 'In ~/.bashrc')
        .example(
          '$0 completion zsh > /usr/local/share/zsh/site-functions/_fastsync',
          'For all users',
        ),
    (args) =>
      runCommand('completion', { json: false, quiet: true }, async () => {
        const { shell, config } = args;
        const script = scripts[shell];
        const text = script === undefined ? await pairNames(config) : script(programs());
        await print(process.stdout, [text]);
        return { outcome: 'done', exitCode: exitCodes.done, facts: [], figures: {} };
      }),
  );
}

async function pairNames(config: string): Promise<string> {
  return (await loadConfig(config)).pairs.map(({ name }) => `${name}\n`).join('');
}
