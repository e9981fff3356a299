/** `fastsync track`: the write tracker alone, for scripts. */

import type { Argv } from 'yargs';
import { exitCodeHelp } from '../exit-codes.js';
import { loaded } from '../loaded.js';
import { outputOptions } from '../options.js';
import { volumePositional, startOptions, drainOptions } from './options.js';

const run = () => loaded(() => import('./run.js'));

/** Adds the command to the command line. */
export function addTrackCommand(yargs: Argv): Argv {
  return yargs.command('track', 'Track what is written to a volume while it is in use', (command) =>
    command
      .command(
        'start <volume>',
        'Mark every write from now on, until it is stopped or the machine restarts',
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
        'Print what was written since the last drain, and clear it when it is printed',
        (drain) =>
          drain
            .positional('volume', volumePositional)
            .options(drainOptions)
            .epilogue(exitCodeHelp('track drain'))
            .example('$0 track drain /dev/vg0/data --format json', 'For a script')
            .example('$0 track drain /dev/sda2 --format ddrescue --peek', 'A domain for ddrescue'),
        async (args) => (await run()).runDrain(args),
      )
      .command(
        'stop <volume>',
        'End the tracking',
        (stop) =>
          stop
            .positional('volume', volumePositional)
            .options(outputOptions)
            .epilogue(exitCodeHelp('track stop')),
        async (args) => (await run()).runStop(args),
      )
      .command(
        'list',
        'Show the trackers that run on this machine',
        (list) => list.options(outputOptions).epilogue(exitCodeHelp('track list')),
        async (args) => (await run()).runList(args),
      )
      .epilogue(exitCodeHelp('track'))
      .demandCommand(1, 'Name what to do: start, drain, stop or list.'),
  );
}
