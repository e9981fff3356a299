/** `fastsync report PAIR`: what is known of a pair, as text or as one self-contained page. */

import type { Argv } from 'yargs';
import { exitCodeHelp } from '../exit-codes.js';
import { loaded } from '../loaded.js';
import { reportOptions } from './options.js';

/** Adds the command to the command line. */
export function addReportCommand(yargs: Argv): Argv {
  return yargs.command(
    'report <pair>',
    'Show what is known of a pair: the verdict, a picture of the volume, its history',
    (command) =>
      command
        .positional('pair', {
          type: 'string',
          demandOption: true,
          describe: 'Its name in the configuration',
        })
        .options(reportOptions)
        .epilogue(exitCodeHelp('report'))
        .example('$0 report mail', 'As text, for a terminal')
        .example('$0 report mail --html /var/www/html/mail.html', 'As a page that needs no server'),
    async (args) => (await loaded(() => import('./run.js'))).runReport(args),
  );
}
