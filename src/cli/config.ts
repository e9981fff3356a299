/** `fastsync config check`: silent when the configuration is right. */

import type { Argv } from 'yargs';
import { ConfigError, defaultConfigPath, loadConfig } from '../config/index.js';
import { exitCodes } from '../errors.js';
import { visible } from '../report/index.js';
import { runCommand } from './run.js';

const options = {
  config: {
    type: 'string',
    default: defaultConfigPath,
    describe: 'The configuration file',
  },
} as const;

/** Adds the command to the command line. */
export function addConfigCommand(yargs: Argv): Argv {
  return yargs.command('config', 'The configuration file', (command) =>
    command.demandCommand(1, 'Name what to do with the configuration: check.').command(
      'check',
      'Say what is wrong with the configuration file; nothing if it is right',
      (check) =>
        check.options(options).example('$0 config check', 'All problems: file:line:column: what'),
      (args) =>
        runCommand('config check', { json: false, quiet: true }, async () => {
          try {
            await loadConfig(args.config);
          } catch (error) {
            if (!(error instanceof ConfigError)) throw error;
            // Bare lines: editors and CI systems jump to them.
            process.stderr.write(error.problems.map((line) => `${visible(line)}\n`).join(''));
            return { outcome: 'failed', exitCode: exitCodes.usage, facts: [], figures: {} };
          }
          return { outcome: 'done', exitCode: exitCodes.done, facts: [], figures: {} };
        }),
    ),
  );
}
