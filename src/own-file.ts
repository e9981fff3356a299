/**
 * The files that fastsync writes for itself and its users. They must be regular files: a mistyped path
 * must not overwrite a disk, or wait for the reader of a pipe. Also turns the system's errors about them
 * into messages.
 */

import { constants, type Stats } from 'node:fs';
import { open, stat, type FileHandle } from 'node:fs/promises';
import { exitCodes, FastsyncError, isOutOfFiles, tooManyFiles, type ExitCode } from './errors.js';
import { reach } from './reach.js';
import { systemErrorName, systemErrorText } from './system-errors.js';

/** Rejects with NOT_A_FILE if something other than a regular file is there; follows links. */
export async function checkIsFile(file: string): Promise<void> {
  const problem = await placeProblem(file);
  if (problem !== null) throw notAFile(`${file} ${problem}`);
}

/** Why no regular file can be there: "is a block device, not a file"; null: one can. */
export async function placeProblem(file: string): Promise<string | null> {
  await reach(file);
  try {
    const found = await stat(file);
    return found.isFile() ? null : `is a ${kindOf(found)}, not a file`;
  } catch (error) {
    return pathProblem(error);
  }
}

/** Why no directory can be there: "is a block device, not a directory"; null: one can. */
export async function directoryProblem(directory: string): Promise<string | null> {
  await reach(directory);
  try {
    const found = await stat(directory);
    return found.isDirectory() ? null : `is a ${kindOf(found)}, not a directory`;
  } catch (error) {
    return pathProblem(error);
  }
}

/** A file that does not exist can be created; permissions may be different later. */
function pathProblem(error: unknown): string | null {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOTDIR') return 'cannot be: a part of the path is not a directory';
  if (code === 'ELOOP') return 'cannot be: its symbolic links form a loop';
  return code === 'ENAMETOOLONG' ? 'cannot be: its name is too long' : null;
}

/**
 * Opens a regular file, and nothing else, for reading or writing. `flags` are those of open(), without
 * O_TRUNC, which would take effect before the check. Rejects with NOT_A_FILE, or with the system's error.
 */
export async function openFile(file: string, flags: number, mode = 0o600): Promise<FileHandle> {
  await reach(file);
  // O_NONBLOCK: does not wait for the other end of a pipe.
  const handle = await open(file, flags | constants.O_NONBLOCK, mode).catch((error: unknown) => {
    // A pipe without a reader, or a socket.
    if ((error as NodeJS.ErrnoException).code === 'ENXIO') throw notAFile(`${file} is not a file`);
    throw error;
  });
  try {
    const found = await handle.stat();
    if (!found.isFile()) throw notAFile(`${file} is a ${kindOf(found)}, not a file`);
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** The text of a regular file; null where none exists. Rejects as openFile() does. */
export async function readOwn(file: string): Promise<string | null> {
  try {
    await using handle = await openFile(file, constants.O_RDONLY);
    return await handle.readFile('utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

function kindOf(found: Stats): string {
  if (found.isDirectory()) return 'directory';
  if (found.isBlockDevice()) return 'block device';
  if (found.isCharacterDevice()) return 'character device';
  if (found.isFIFO()) return 'pipe';
  return found.isSocket() ? 'socket' : 'thing of an unknown kind';
}

function notAFile(message: string): FastsyncError {
  return new FastsyncError({
    code: 'NOT_A_FILE',
    exitCode: exitCodes.usage,
    message,
    remedy: 'name a regular file, or a path where a new one can be created',
  });
}

const reasons: Readonly<Record<string, string>> = {
  ENOSPC: 'its file system is full',
  EDQUOT: 'the quota on its file system is used up',
  EFBIG: 'it would be larger than a file may be',
  EROFS: 'its file system is read-only',
  EACCES: 'this user may not',
  EPERM: 'it may not be changed (lsattr shows whether it is immutable)',
  ENOTDIR: 'a part of the path is not a directory',
  EISDIR: 'it is a directory',
  ENOENT: 'its directory is gone',
  EIO: 'its disk fails',
  ESTALE: 'its server no longer knows it (stale handle)',
  EUCLEAN: 'its file system is damaged',
  EBADMSG: 'its file system is damaged',
};

/** The system's error about one of our files, for people: "its file system is full". */
export function reasonOf(error: unknown): string {
  return reasons[systemErrorName(error) ?? ''] ?? systemErrorText(error as Error);
}

export interface OwnFileTrouble {
  /** Stable: "STATE_UNUSABLE". */
  readonly code: string;
  /** "write the checkpoint". */
  readonly action: string;
  readonly file: string;
  readonly remedy: string;
  readonly exitCode?: ExitCode;
}

/** The error about one of our files as a message. */
export function ownFileError(trouble: OwnFileTrouble, cause: unknown): FastsyncError {
  const { code, action, file, remedy, exitCode = exitCodes.usage } = trouble;
  if (
    cause instanceof FastsyncError &&
    (cause.code === 'NOT_ANSWERING' || cause.code === 'IO_TIMEOUT')
  )
    return cause;
  if (isOutOfFiles(cause)) return tooManyFiles(`${file} cannot be opened`, cause);
  const message = `cannot ${action} ${file}: ${reasonOf(cause)}`;
  return new FastsyncError({ code, exitCode, message, remedy, cause });
}
