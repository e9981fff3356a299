/** The files of a journal: what they are called, and how they are made. */

import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { makeDirectory } from '../../directories.js';
import { openFile } from '../../own-file.js';
import { StateFile } from '../state-file.js';
import { type CommitRecord, isCommitRecord } from './commit-record.js';

/** Opens the file, which is made if it is not there, and left as it is if it is. */
export async function makeJournal(file: string): Promise<FileHandle> {
  await makeDirectory(path.dirname(file));
  await (await openFile(file, constants.O_WRONLY | constants.O_CREAT)).close();
  return open(file, 'r+');
}

/** What messages call it. */
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
