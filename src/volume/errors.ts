/** The system's errors on a volume, as sentences for people. */

import { exitCodes, FastsyncError, isOutOfFiles, tooManyFiles, type ExitCode } from '../errors.js';
import { systemErrorName, systemErrorText } from '../system-errors.js';

interface Sentence {
  readonly code: string;
  readonly exitCode: ExitCode;
  readonly what: string;
  readonly remedy?: string;
}

const sentences: Readonly<Record<string, Sentence>> = {
  ENOENT: {
    code: 'VOLUME_NOT_FOUND',
    exitCode: exitCodes.usage,
    what: 'does not exist',
    remedy: 'check the path',
  },
  ENOTDIR: {
    code: 'VOLUME_NOT_FOUND',
    exitCode: exitCodes.usage,
    what: 'does not exist: a part of the path is not a directory',
    remedy: 'check the path',
  },
  EACCES: {
    code: 'PERMISSION_DENIED',
    exitCode: exitCodes.usage,
    what: 'cannot be opened by this user',
    remedy: 'run as root, or as a user with access to it',
  },
  EPERM: {
    code: 'PERMISSION_DENIED',
    exitCode: exitCodes.usage,
    what: 'cannot be changed by this user',
    remedy: 'run as root, and check whether the file is immutable (lsattr)',
  },
  EROFS: {
    code: 'READ_ONLY',
    exitCode: exitCodes.usage,
    what: 'is read-only',
    remedy: 'choose a target that can be written to',
  },
  EBUSY: {
    code: 'TARGET_IN_USE',
    exitCode: exitCodes.refused,
    what: 'is in use: the kernel holds it exclusively',
    remedy: 'unmount it, or stop what uses it; --allow-busy-target overrides',
  },
  ENXIO: {
    code: 'NO_DEVICE',
    exitCode: exitCodes.usage,
    what: 'has no device behind it',
    remedy: 'check that the device is attached',
  },
  ENOMEDIUM: {
    code: 'NO_DEVICE',
    exitCode: exitCodes.usage,
    what: 'has no medium in it',
  },
  ENOSPC: {
    code: 'NO_SPACE',
    exitCode: exitCodes.incomplete,
    what: 'cannot grow: its file system is full',
    remedy: 'free some space',
  },
  EDQUOT: {
    code: 'NO_SPACE',
    exitCode: exitCodes.incomplete,
    what: 'cannot grow: the quota on its file system is used up',
    remedy: 'free some space, or raise the quota',
  },
  EFBIG: {
    code: 'NO_SPACE',
    exitCode: exitCodes.usage,
    what: 'would be larger than its file system allows for one file',
    remedy: 'choose another file system for the target',
  },
};

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  // The engine's failures are sentences already and name the side that failed.
  return (
    error instanceof Error &&
    !(error instanceof FastsyncError) &&
    'syscall' in error &&
    'code' in error
  );
}

/** The name of the error's errno, such as "ENOENT"; null if it did not come from the system. */
export function errnoName(error: unknown): string | null {
  return isSystemError(error) ? systemErrorName(error) : null;
}

/** Wraps what open, stat or truncate of `path` threw. Any other error is returned unchanged. */
export function volumeError(path: string, error: unknown): unknown {
  if (!isSystemError(error)) return error;
  if (isOutOfFiles(error)) return tooManyFiles(`${path} cannot be opened`, error);
  const known = sentences[systemErrorName(error) ?? ''];
  if (known === undefined) {
    return new FastsyncError({
      code: 'IO_ERROR',
      exitCode: exitCodes.usage,
      message: `${path} cannot be used: ${systemErrorText(error)}`,
      cause: error,
    });
  }
  const { code, exitCode, what, remedy } = known;
  return new FastsyncError({
    code,
    exitCode,
    message: `${path} ${what}`,
    cause: error,
    ...(remedy === undefined ? {} : { remedy }),
  });
}

/** Runs `action` on a volume and turns its system errors into sentences. */
export async function withVolumeErrors<T>(path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw volumeError(path, error);
  }
}
