/** The files of a journal: their names, and how they are created. */

import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { makeDirectory } from '../../directories.js';
import { openFile } from '../../own-file.js';
import { StateFile } from '../state-file.js';
import { type CommitRecord, isCommitRecord } from './commit-record.js';

/** Opens the file; creates it if it does not exist, and never truncates it. */
export async function makeJournal(file: string): Promise<FileHandle> {
  await makeDirectory(path.dirname(file));
  await (await openFile(file, constants.O_WRONLY | constants.O_CREAT)).close();
  return open(file, 'r+');
}

/** Its name in messages. */
export function journalName(file: string): string {
  return `the journal ${file}`;
}

export function journalFile(directory: string, key: string): string {
  return path.join(directory, `${key}.journal`);
}

export function commitRecordFile(directory: string, key: string): StateFile<CommitRecord> {
  return new StateFile({
    path: path.join(directory, `${key}.commit`),
    what: 'commit record',
    isValid: isCommitRecord,
  });
}
