/** Turns any exception into the kind of error that users see. */

import { ParseError } from '../fsparsers/errors.js';
import { exitCodes, FastsyncError, isOutOfFiles, tooManyFiles } from './errors.js';

/** Turns any error into a FastsyncError. An unknown exception is reported as a bug, with how to report it. */
export function asFastsyncError(error: unknown): FastsyncError {
  if (error instanceof FastsyncError) return error;
  if (error instanceof ParseError) {
    return new FastsyncError({
      code: `FS_${error.code}`,
      exitCode:
        error.code === 'AMBIGUOUS' || error.code === 'NOT_RECOGNISED'
          ? exitCodes.refused
          : exitCodes.usage,
      message: error.message,
      remedy: '--whole copies every byte, whatever the content; --as FAMILY names the file system',
      cause: error,
    });
  }
  const message = error instanceof Error ? error.message : String(error);
  if (isOutOfFiles(error)) return tooManyFiles(`the run had to end (${message})`, error);
  if (process.env.FASTSYNC_DEBUG) throw error;
  return new FastsyncError({
    code: 'INTERNAL',
    exitCode: exitCodes.usage,
    message: `this is a bug in fastsync: ${message}`,
    remedy: 'please report it with the output of the same command under FASTSYNC_DEBUG=1',
    cause: error,
  });
}
