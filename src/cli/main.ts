/** The command line: yargs parses and validates, the commands hand over to sync/. */

import yargs from 'yargs';
import { exitCodes } from '../errors.js';
import { version } from '../version.js';
import { addInitCommand } from './init.js';
import { addMapCommand } from './map.js';

const exitCodeTable = `Exit codes:
  0  done                          4  refused for safety; nothing was written
  1  differences found             5  interrupted; the same command goes on
  2  usage, or could not start     6  the other host failed
  3  incomplete: I/O errors        7  locked by another run`;

/** Runs the fastsync command with the words behind its name. */
export async function main(words: readonly string[]): Promise<void> {
  // Whoever read our output may leave; the copy goes on, and its exit code still tells.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
    });
  }
  const cli = yargs([...words])
    .scriptName('fastsync')
    .usage(
      '$0 <command>\n\nCopies volumes by what their file systems really use, and proves the copies.',
    )
    .demandCommand(1, 'Name a command: map or init.')
    .strict()
    .version(version)
    .alias('help', 'h')
    .epilogue(exitCodeTable)
    .wrap(Math.min(100, process.stdout.columns || 80))
    .fail((message, error: Error | undefined) => {
      if (error !== undefined) throw error;
      process.stderr.write(
        `error: ${message.replaceAll(/\s+/g, ' ').replace(/\.$/, '')}. See fastsync --help.\n`,
      );
      process.exit(exitCodes.usage);
    });
  await addInitCommand(addMapCommand(cli)).parseAsync();
}
