/** What the programs have in common: strictness, the table of exit codes, usage errors as one sentence. */

import yargs, { type Argv } from 'yargs';
import { exitCodes, type FastsyncError } from '../errors.js';
import { asFastsyncError } from '../failure.js';
import { reasonOf } from '../own-file.js';
import { chooseReporter } from '../report/choose.js';
import { version } from '../version.js';
import { everyExitCodeHelp } from './exit-codes.js';
import { outlineOf } from './outline.js';
import { withNewNames } from './renamed.js';
import { supervisor } from './supervisor.js';
import { usage } from './values.js';
import { asksForJson, checkValues, checkWords, commandNamed } from './words.js';

export interface Program {
  readonly name: string;
  /** As the help begins. */
  readonly synopsis: string;
  /** Adds options and commands to a command line. */
  readonly declare: (yargs: Argv) => Argv;
}

/** Runs a program with the words behind its name, held against what it declares. */
export async function runProgram(
  { name, synopsis, declare }: Program,
  typed: readonly string[],
): Promise<void> {
  goOnWithoutOutput();
  const outline = outlineOf(declare);
  const { words, deprecated } = withNewNames(typed, outline);
  // The parent of a supervised run has told it.
  if (supervisor === null) for (const message of deprecated) warn(message, asksForJson(words));
  const line = yargs([...words])
    .scriptName(name)
    .usage(synopsis)
    // What is wrong is said in one language, ours: the sentences of the parser are a part of them.
    .locale('en')
    .strict()
    .version(version)
    .alias('help', 'h')
    .epilogue(everyExitCodeHelp)
    .wrap(Math.min(100, process.stdout.columns || 80))
    .check((args) => {
      const command = commandNamed(outline, args._.map(String));
      checkWords(words, command);
      checkValues(args, command);
      return true;
    })
    .fail((message, error: Error | undefined) => {
      throw failureOf(name, message, error);
    });
  try {
    await declare(line).parseAsync();
  } catch (error) {
    const failure = asFastsyncError(error);
    const command = commandNamed(outline, leading(words)).name || name;
    await reportFailure(command, failure, asksForJson(words));
    process.exit(failure.exitCode);
  }
}

/**
 * Whoever read our output may leave, and the disk that it goes to may be full: the work goes on, a copy
 * or a replication is worth more than what is said of it. Output that is lost to a disk is told, and
 * nothing that lost it ends with 0; what is nothing but output looks at print()'s answer.
 */
function goOnWithoutOutput(): void {
  let isLost = false;
  process.stderr.on('error', () => undefined);
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE' || error.code === 'ERR_STREAM_DESTROYED' || isLost) return;
    isLost = true;
    process.stderr.write(`error: the output cannot be written: ${reasonOf(error)}.\n`);
  });
  process.on('exit', (code) => {
    if (isLost && code === exitCodes.done) process.exitCode = exitCodes.incomplete;
  });
}

function warn(message: string, json: boolean): void {
  const note = { type: 'note', severity: 'warning', code: 'OPTION_DEPRECATED', message };
  process.stderr.write(json ? `${JSON.stringify(note)}\n` : `warning: ${message}\n`);
}

/** The words before the first option: where the parser gave up, it does not tell which command they name. */
function leading(words: readonly string[]): readonly string[] {
  const end = words.findIndex((word) => word.startsWith('-'));
  return end === -1 ? words : words.slice(0, end);
}

/** What the parser says is a usage error; what a command threw is its own. */
function failureOf(name: string, message: string, error: Error | undefined): Error {
  if (error !== undefined && error.name !== 'YError') return error;
  const sentence = message.replaceAll(/\s+/g, ' ').replace(/\.$/, '');
  return usage(`${sentence}. See ${name} --help`);
}

/** A script that asked for JSON gets its summary, whatever else was wrong with the words. */
async function reportFailure(
  command: string,
  failure: FastsyncError,
  json: boolean,
): Promise<void> {
  const { code, message, exitCode, remedy = null } = failure;
  const reporter = await chooseReporter({ json, quiet: !json });
  reporter.report({ type: 'error', code, message, remedy });
  const figures = { error: { code, message } };
  const summary = { command, outcome: 'failed', exitCode, seconds: 0, facts: [], figures } as const;
  reporter.report({ type: 'summary', ...summary });
}
