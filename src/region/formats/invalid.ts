/** What the readers of map files check with, and what they throw. */

import { exitCodes, FastsyncError } from '../../errors.js';

/** MAP_FILE_INVALID: `what` says where the file stops being a `format`. */
export function invalid(format: string, what: string): FastsyncError {
  return new FastsyncError({
    code: 'MAP_FILE_INVALID',
    exitCode: exitCodes.usage,
    message: `this is no ${format}: ${what}`,
    remedy: 'give the file as it was written',
  });
}

/** A whole number of bytes that a double holds exactly. */
export const isBytes = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0;
