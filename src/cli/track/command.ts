/** `fastsync track`: the write tracker alone, for scripts. */

import type { Argv } from 'yargs';
import { exitCodeHelp } from '../exit-codes.js';
import { loaded } from '../loaded.js';
import { outputOptions } from '../options.js';
import { volumePositional, startOptions, drainOptions } from './options.js';

const run = () => loaded(() => import('./run.js'));

/** Adds the command to the command line. */
export function addTrackCommand(yargs: Argv): Argv {
  return yargs.command('track', 'Track the writes to a volume in use', (command) =>
    command
      .command(
        'start <volume>',
        'Start a tracker, which runs until it is stopped or the machine restarts',
        (start) =>
          start
            .positional('volume', volumePositional)
            .options(startOptions)
            .options(outputOptions)
            .epilogue(exitCodeHelp('track start')),
        async (args) => (await run()).runStart(args),
      )
      .command(
        'drain <volume>',
        'Print the ranges written since the last drain, then clear them',
        (drain) =>
          drain
            .positional('volume', volumePositional)
            .options(drainOptions)
            .epilogue(exitCodeHelp('track drain'))
            .example('$0 track drain /dev/vg0/data --format json', 'Print JSON, for a script')
            .example(
              '$0 track drain /dev/sda2 --format ddrescue --peek',
              'Write a domain mapfile for ddrescue',
            ),
        async (args) => (await run()).runDrain(args),
      )
      .command(
        'stop <volume>',
        'Stop a tracker',
        (stop) =>
          stop
            .positional('volume', volumePositional)
            .options(outputOptions)
            .epilogue(exitCodeHelp('track stop')),
        async (args) => (await run()).runStop(args),
      )
      .command(
        'list',
        'List the trackers on this machine',
        (list) => list.options(outputOptions).epilogue(exitCodeHelp('track list')),
        async (args) => (await run()).runList(args),
      )
      .epilogue(exitCodeHelp('track'))
      .demandCommand(1, 'Name a command: start, drain, stop or list.'),
  );
}
