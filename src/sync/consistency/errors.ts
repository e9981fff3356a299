/** Why a copy of a source in use cannot become the state of one moment. */

import { exitCodes, FastsyncError } from '../../errors.js';
import { formatBytes } from '../../report/units.js';

/** The code and the remedy for users, by what the run was doing. */
const missedWrites = {
  seeding: {
    code: 'TRACKER_MISSED',
    remedy: 'run the same command again: it compares everything and copies what differs',
  },
  following: {
    code: 'WRITES_MISSED',
    remedy: 'no action needed; used blocks will be compared again',
  },
} as const;

/** The tracker may have missed writes, so the dirty set proves nothing and everything must be compared. */
export class MissedWrites extends FastsyncError {
  override readonly name = 'MissedWrites';

  constructor(path: string, reason: string, during: keyof typeof missedWrites) {
    super({
      ...missedWrites[during],
      exitCode: exitCodes.incomplete,
      message: `writes to ${path} may have been missed: ${reason}`,
    });
  }
}

export interface LeftTooMuch {
  readonly code: 'CUTOVER_TOO_LARGE' | 'EPOCH_TOO_LARGE';
  /** The path of the source. */
  readonly path: string;
  readonly bytes: number;
  readonly limit: 'time' | 'memory';
}

/** More was written since the last round than can be read while writers wait. */
export function leftTooMuch({ code, path, bytes, limit }: LeftTooMuch): FastsyncError {
  return new FastsyncError({
    code,
    exitCode: exitCodes.incomplete,
    message: `${path} was thawed early: ${formatBytes(bytes)} were left to read, too much for the ${limit}`,
    remedy: 'allow more time with --max-freeze, or try again when less is being written',
  });
}

/** Nothing is mounted, so nothing can be frozen, and the writers do not pause. */
export function notQuiet(path: string): FastsyncError {
  return new FastsyncError({
    code: 'SOURCE_NOT_QUIET',
    exitCode: exitCodes.incomplete,
    message: `${path} is not mounted and is written to without a pause: no consistent copy is possible`,
    remedy: 'pause its writer for a moment',
  });
}

export function isNotMounted(error: unknown): boolean {
  return error instanceof FastsyncError && error.code === 'NOT_MOUNTED';
}

/** Whether the file system is mounted in a way that cannot be frozen. */
export function isUnfreezable(error: unknown): boolean {
  return error instanceof FastsyncError && error.code === 'FREEZE_UNSUPPORTED';
}
