/** Around a whole program: nothing but a difference that was found ends with exit code 1. */

import { exitCodes, FastsyncError, isOutOfFiles, tooManyFiles, type ExitCode } from '../errors.js';
import { ignoreHangups } from './hangups.js';
import { messageOf, notLoadable } from './loaded.js';

type Program = (words: readonly string[]) => Promise<void>;

/** Loads a program and runs it with the words of the command line. Never rejects. */
export async function guarded(name: string, load: () => Promise<Program>): Promise<void> {
  ignoreHangups();
  const words = process.argv.slice(2);
  let state: 'loading' | 'running' | 'done' = 'loading';
  const fail = (error: unknown) => {
    const failure = state === 'loading' ? notLoadable(name, error) : unexpected(error);
    tell(name, failure, words.includes('--json'));
    if (process.env.FASTSYNC_DEBUG) process.stderr.write(`${stackOf(error)}\n`);
    process.exit(failure.exitCode);
  };
  process.on('uncaughtException', fail);
  process.on('unhandledRejection', fail);
  // Not where somebody asked the process to end, as --help does.
  process.on('beforeExit', (code) => {
    if (state === 'done' || code !== exitCodes.done) return;
    // Nothing was left to wait for, though the program had not come to its end.
    tell(
      name,
      unexpected(new Error('the program ended before its work was done')),
      words.includes('--json'),
    );
    process.exitCode = exitCodes.incomplete;
  });
  try {
    const program = await load();
    state = 'running';
    await program(words);
    state = 'done';
  } catch (error) {
    fail(error);
  }
}

/** What had begun by then, and what was found, nobody knows: it is not proven. */
function unexpected(error: unknown): FastsyncError {
  if (error instanceof FastsyncError) return error;
  if (isOutOfFiles(error)) return tooManyFiles(`the run had to end (${messageOf(error)})`, error);
  return new FastsyncError({
    code: 'INTERNAL',
    exitCode: exitCodes.incomplete,
    message: `this is a bug in fastsync: ${messageOf(error)}`,
    remedy: 'Please report it with the output of the same command under FASTSYNC_DEBUG=1',
    cause: error,
  });
}

function tell(command: string, failure: FastsyncError, json: boolean): void {
  const { code, message, exitCode, remedy } = failure;
  process.stderr.write(`error: ${message}${remedy === undefined ? '' : `. ${remedy}`}.\n`);
  if (!json) return;
  const outcome: { exitCode: ExitCode; outcome: 'failed' } = { exitCode, outcome: 'failed' };
  const summary = { type: 'summary', command, ...outcome, seconds: 0, error: { code, message } };
  process.stdout.write(`${JSON.stringify(summary)}\n`);
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
