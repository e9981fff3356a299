/** `fastsync report PAIR`: what is known of a pair, as text or as one self-contained page. */

import type { Argv } from 'yargs';
import { exitCodeHelp } from '../exit-codes.js';
import { loaded } from '../loaded.js';
import { reportOptions } from './options.js';

/** Adds the command to the command line. */
export function addReportCommand(yargs: Argv): Argv {
  return yargs.command(
    'report <pair>',
    'Show the verdict on a pair, a picture of the volume, and its history',
    (command) =>
      command
        .positional('pair', {
          type: 'string',
          demandOption: true,
          describe: 'Its name in the configuration',
        })
        .options(reportOptions)
        .epilogue(exitCodeHelp('report'))
        .example('$0 report mail', 'Print it as text')
        .example(
          '$0 report mail --html /var/www/html/mail.html',
          'Write a page that needs no server',
        ),
    async (args) => (await loaded(() => import('./run.js'))).runReport(args),
  );
}
