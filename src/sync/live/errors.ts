/** The failures of a replication, and which of them end the run. */

import { type ExitCode, exitCodes, FastsyncError } from '../../errors.js';
import { ownFileError } from '../../own-file.js';
import { formatBytes } from '../../report/units.js';
import { MissedWrites } from '../consistency/errors.js';
import type { Failure } from './next-step.js';

/** Retrying does not help with these, nor with most refusals. */
const fatalCodes: ReadonlySet<string> = new Set([
  'FREEZE_STUCK',
  'IO_TIMEOUT',
  'LOCKED',
  'PERMISSION_DENIED',
  'TRACKER_UNSUPPORTED',
]);

/**
 * Refusals that may pass: a freeze by somebody else ends, a process closes the target, an administrator
 * unmounts what was mounted.
 */
const passingCodes: ReadonlySet<string> = new Set([
  'FREEZE_BUSY',
  'FREEZE_UNSUPPORTED',
  'TARGET_IN_USE',
]);

/** Whether this failure ends the replica. The other replicas continue. */
export function isFatal(error: unknown): boolean {
  if (!(error instanceof FastsyncError)) return true;
  const { code, exitCode } = error;
  return fatalCodes.has(code) || (exitCode === exitCodes.refused && !passingCodes.has(code));
}

/** The source could not be frozen, or not for long enough; the next freeze may last. */
export function isLostFreeze(error: unknown): error is FastsyncError {
  return (
    error instanceof FastsyncError && /^(FREEZE_|SOURCE_NOT_QUIET|EPOCH_TOO_LARGE)/.test(error.code)
  );
}

/** Classifies the failure that ended a step of a replica. */
export function failureOf(error: unknown): Failure {
  if (error instanceof MissedWrites) return 'missed writes';
  if (isFatal(error)) return 'fatal';
  return isVainFreeze(error) ? 'vain freeze' : 'passing';
}

/** Writers have waited as long as they may, without success. */
export function isVainFreeze(error: unknown): boolean {
  return error instanceof FastsyncError && error.code === 'FREEZE_TIMED_OUT';
}

export function journalFull(
  directory: string,
  neededBytes: number,
  isQuota = false,
): FastsyncError {
  return new FastsyncError({
    code: 'JOURNAL_FULL',
    exitCode: exitCodes.incomplete,
    message: `there is no room in ${directory} to stage ${formatBytes(neededBytes)}${isQuota ? ', the quota is used up' : ''}; the target keeps its last epoch`,
    remedy: 'free some space there, or choose another place with --journal',
  });
}

/** Our own errors, a refused kind of file for example, already have a message. */
export function journalUnusable(
  action: string,
  file: string,
  cause: unknown,
  exitCode: ExitCode = exitCodes.incomplete,
): FastsyncError {
  if (cause instanceof FastsyncError) return cause;
  const remedy =
    'free space in the directory and make it writable, or choose another one with --journal';
  const trouble = { code: 'JOURNAL_UNUSABLE', action: `${action} the journal`, file, remedy };
  return ownFileError({ ...trouble, exitCode }, cause);
}

export function journalGone(file: string): FastsyncError {
  return new FastsyncError({
    code: 'JOURNAL_GONE',
    exitCode: exitCodes.incomplete,
    message: `somebody removed the journal ${file}; the target keeps its last epoch`,
    remedy: 'no action needed; the journal will be created again',
  });
}

export function targetChanged(target: string): FastsyncError {
  return new FastsyncError({
    code: 'TARGET_CHANGED',
    exitCode: exitCodes.refused,
    message: `${target} is not the volume that was replicated until now, or something else wrote to it`,
    remedy: 'check that it is the right volume, and start again',
  });
}

export function unfinished(target: string, why: string): FastsyncError {
  return new FastsyncError({
    code: 'TARGET_UNFINISHED',
    exitCode: exitCodes.incomplete,
    message: `${target} is incomplete, and ${why}`,
    remedy: 'run fastsync live with its source again: it copies what is missing',
  });
}
