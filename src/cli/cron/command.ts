/** `fastsync cron install`: a systemd service and timer, or the crontab line, for the nightly check. */

import type { Argv } from 'yargs';
import { exitCodeHelp } from '../exit-codes.js';
import { loaded } from '../loaded.js';
import { cronOptions } from './options.js';

/** Adds the command to the command line. */
export function addCronCommand(yargs: Argv): Argv {
  return yargs.command('cron', 'Schedule regular checks of the configured pairs', (command) =>
    command
      .epilogue(exitCodeHelp('cron'))
      .demandCommand(1, 'Name a command: install.')
      .command(
        'install',
        'Write a systemd service and timer that check every pair, or print them and a crontab line',
        (install) =>
          install
            .options(cronOptions)
            .epilogue(exitCodeHelp('cron install'))
            .example('$0 cron install --dry-run', 'Print the units and the crontab line')
            .example('$0 cron install --write --random-delay 30m --idle', 'Write the units'),
        async (args) => (await loaded(() => import('./run.js'))).runCronInstall(args),
      ),
  );
}
