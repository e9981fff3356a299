/** What the programs have in common: strictness, the table of exit codes, usage errors as one sentence. */

import yargs, { type Argv } from 'yargs';
import { exitCodes } from '../errors.js';
import { chooseReporter } from '../report/index.js';
import { version } from '../version.js';

const exitCodeTable = `Exit codes:
  0  done, equal                   4  refused for safety; nothing was written
  1  differences found             5  interrupted; the same command goes on
  2  usage, or could not start     6  the other host failed
  3  incomplete, or not proven     7  locked by another run`;

/** A command line for the words behind the program's name; the caller adds options and commands. */
export function program(name: string, words: readonly string[]): Argv {
  // Whoever read our output may leave; the work goes on, and its exit code still tells.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') return;
      // A full disk, say. What counts on its output being written must not go on.
      if (stream === process.stdout) {
        process.stderr.write(`error: the output cannot be written: ${error.message}.\n`);
      }
      process.exit(exitCodes.incomplete);
    });
  }
  return yargs([...words])
    .scriptName(name)
    .strict()
    .version(version)
    .alias('help', 'h')
    .epilogue(exitCodeTable)
    .wrap(Math.min(100, process.stdout.columns || 80))
    .fail((message, error: Error | undefined) => {
      if (error !== undefined) throw error;
      const sentence = message.replaceAll(/\s+/g, ' ').replace(/\.$/, '');
      reportUsage(name, `${sentence}. See ${name} --help`, words.includes('--json'));
      process.exit(exitCodes.usage);
    });
}

/** A script that asked for JSON gets its summary, whatever else was wrong with the words. */
function reportUsage(name: string, message: string, json: boolean): void {
  const reporter = chooseReporter({ json, quiet: !json });
  const exitCode = exitCodes.usage;
  reporter.report({ type: 'error', code: 'USAGE', message, remedy: null });
  const figures = { error: { code: 'USAGE', message } };
  const summary = { command: name, outcome: 'failed', exitCode, seconds: 0, facts: [], figures };
  reporter.report({ type: 'summary', ...summary, outcome: 'failed' });
}
