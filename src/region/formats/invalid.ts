/** What the readers of map files throw. */

import { exitCodes, FastsyncError } from '../../errors.js';

/** A place in a file that was given to us. */
export interface FilePlace {
  readonly file: string;
  /** From 1; null where it is the file as a whole. */
  readonly line: number | null;
}

/** MAP_FILE_INVALID: `what` says what is wrong in that place, `remedy` how to come by a good file. */
export function invalid(
  { file, line }: FilePlace,
  what: string,
  remedy: string,
  cause?: unknown,
): FastsyncError {
  return new FastsyncError({
    code: 'MAP_FILE_INVALID',
    exitCode: exitCodes.usage,
    message: `${line === null ? file : `${file}, line ${line}`}: ${what}`,
    remedy,
    cause,
  });
}

/** Text from a file for a message: short, on one line, without control characters. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}
