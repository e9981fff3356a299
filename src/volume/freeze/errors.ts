/** The failures of a freeze, as sentences. */

import { constants } from 'node:os';
import { exitCodes, FastsyncError, tooManyFiles } from '../../errors.js';
import { systemError } from '../../system-errors.js';
import { freezeUnsupported } from './freezable.js';
import type { Ending, ThawReason } from './freezer.js';

const { EBUSY, EIO, EMFILE, ENFILE, EPERM, EOPNOTSUPP, EROFS } = constants.errno;

/** Why the file system could not be frozen. */
export function freezeFailure(path: string, ending: Ending, maxFreezeMs: number): FastsyncError {
  if (ending.type === 'thawed' && ending.reason === 'timeout') {
    return new FastsyncError({
      code: 'FREEZE_TIMED_OUT',
      exitCode: exitCodes.incomplete,
      message: `freezing ${path} took longer than ${maxFreezeMs} ms; thawed`,
      remedy: 'allow more time with --max-freeze, or try again when less is being written to it',
    });
  }
  if (ending.type !== 'failed') return endingError(path, ending);
  if (ending.step === 'start' && (ending.errno === EMFILE || ending.errno === ENFILE)) {
    return tooManyFiles(`${path} was not frozen, because its watchdog could not be started`);
  }
  if (ending.step !== 'freeze') return endingError(path, ending);
  switch (ending.errno) {
    case EPERM:
      return new FastsyncError({
        code: 'PERMISSION_DENIED',
        exitCode: exitCodes.usage,
        message: `this user may not freeze ${path}`,
        remedy: 'run as root',
      });
    case EOPNOTSUPP:
      return freezeUnsupported(path, 'its file system cannot be frozen');
    case EROFS:
    case EIO:
      return new FastsyncError({
        code: 'FREEZE_FAILED',
        exitCode: exitCodes.incomplete,
        message: `${path} could not be frozen: its file system stopped writing after an error (${errorName(ending.errno)})`,
        remedy: 'look at dmesg, then unmount it and run fsck',
      });
    default:
      return failed(`${path} could not be frozen: ${errorName(ending.errno)}`);
  }
}

/** Whether it was frozen already. */
export function isBusy(ending: Ending): boolean {
  return ending.type === 'failed' && ending.step === 'freeze' && ending.errno === EBUSY;
}

/** Another freeze outlasted the wait. `run`: the process of the run of ours that holds it, or null. */
export function freezeBusy(path: string, run: number | null, waitedMs: number): FastsyncError {
  const waited = `waited ${Math.round(waitedMs / 1000)} s`;
  return new FastsyncError({
    code: 'FREEZE_BUSY',
    exitCode: exitCodes.refused,
    ...(run === null
      ? {
          message: `${path} is frozen already, by somebody else (a snapshot, a backup, fsfreeze); ${waited}`,
          remedy: 'wait for that to end; if it was forgotten, thaw it with fsfreeze --unfreeze',
        }
      : {
          message: `another run of fastsync, process ${run}, keeps ${path} frozen; ${waited}`,
          remedy: 'wait for that run, which thaws by itself, and try again',
        }),
  });
}

const reasons: Readonly<Record<ThawReason, string>> = {
  request: 'the run was stopped',
  parent: 'the run ended',
  signal: 'a signal stopped its watchdog',
  timeout: 'the time limit was reached',
  standby: 'the standby of its watchdog was killed',
  watchdog: 'its watchdog was killed',
  rescue: 'its watchdog was killed',
};

/** Why it was thawed, if the run did not thaw it. */
export function endingError(path: string, ending: Ending): FastsyncError {
  switch (ending.type) {
    case 'thawed':
      return new FastsyncError({
        code: ending.reason === 'timeout' ? 'FREEZE_TIMED_OUT' : 'FREEZE_LOST',
        exitCode: exitCodes.incomplete,
        message: `${path} was thawed too early: ${reasons[ending.reason]}`,
        remedy:
          ending.reason === 'timeout'
            ? 'allow more time with --max-freeze, or try again when less is being written to it'
            : 'try again',
      });
    case 'lost':
      return new FastsyncError({
        code: 'FREEZE_LOST',
        exitCode: exitCodes.incomplete,
        message: `${path} was thawed too early, by somebody else`,
        remedy: 'find out what thaws it (fsfreeze, a backup or snapshot tool), and try again',
      });
    case 'cancelled':
      return failed(`${path} was not frozen: the watchdog was stopped`);
    case 'failed':
      return ending.step === 'thaw'
        ? new FastsyncError({
            code: 'FREEZE_STUCK',
            exitCode: exitCodes.incomplete,
            message: `${path} IS STILL FROZEN: the kernel refuses to thaw it (${errorName(ending.errno)})`,
            remedy: 'run fsfreeze --unfreeze on its mount point, and look at dmesg',
          })
        : failed(
            `${path} was not frozen: its watchdog failed (${ending.step}${ending.errno === 0 ? '' : `, ${errorName(ending.errno)}`})`,
          );
  }
}

function failed(message: string): FastsyncError {
  return new FastsyncError({
    code: 'FREEZE_FAILED',
    exitCode: exitCodes.incomplete,
    message,
    remedy: 'try again',
  });
}

function errorName(errno: number): string {
  return errno > 0 ? systemError(errno)[0] : `error ${errno}`;
}
