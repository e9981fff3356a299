/** Writes both unit files or neither, and never overwrites foreign ones. */

import { lstat, readFile, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { exitCodes, FastsyncError } from '../errors.js';
import { reach } from '../reach.js';
import { replaceFile } from '../replace-file.js';
import { withVolumeErrors } from '../volume/index.js';
import { serviceName, serviceText, timerName, timerText, unitMark } from './systemd.js';
import type { Schedule } from './types.js';

export interface UnitFile {
  readonly path: string;
  readonly text: string;
}

export function unitFiles(schedule: Schedule, directory: string): readonly UnitFile[] {
  return [
    { path: path.join(directory, serviceName), text: serviceText(schedule) },
    { path: path.join(directory, timerName), text: timerText(schedule) },
  ];
}

/**
 * Writes them by rename. Rejects with UNIT_NOT_OURS (exit code 4) unless `overwrite`, with
 * VOLUME_NOT_FOUND where there is no such directory, and as the system does.
 */
export async function installUnits(files: readonly UnitFile[], overwrite: boolean): Promise<void> {
  for (const { path: file } of files) {
    const directory = path.dirname(file);
    await reach(directory);
    await withVolumeErrors(directory, () => stat(directory));
    if (!overwrite && !(await isOursToWrite(file))) throw notOurs(file);
  }
  for (const { path: file, text } of files) {
    await removeLink(file);
    await withVolumeErrors(file, () => replaceFile(file, text, 0o644));
  }
}

/** A masked unit is a link to /dev/null: the link is replaced, and nothing is written through it. */
async function removeLink(file: string): Promise<void> {
  const found = await lstat(file).catch(() => null);
  if (found?.isSymbolicLink()) await rm(file);
}

async function isOursToWrite(file: string): Promise<boolean> {
  try {
    return (await readFile(file, 'utf8')).startsWith(unitMark);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return true;
    throw error;
  }
}

function notOurs(file: string): FastsyncError {
  return new FastsyncError({
    code: 'UNIT_NOT_OURS',
    exitCode: exitCodes.refused,
    message: `${file} exists and was not written by fastsync`,
    remedy: 'inspect it; overwrite it with --yes, or name another directory with --unit-dir',
  });
}
