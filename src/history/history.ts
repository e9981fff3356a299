/** The history of each pair: JSON lines, the newest last, and the picture of the last run beside them. */

import { constants } from 'node:fs';
import path from 'node:path';
import { makeDirectory } from '../directories.js';
import type { FastsyncError } from '../errors.js';
import { openFile, ownFileError } from '../own-file.js';
import { replaceFile } from '../replace-file.js';
import {
  pictureSchema,
  recordSchema,
  type RunOutcome,
  type RunRecord,
  type VolumePicture,
} from './types.js';

/** Five years of nightly runs. */
export const mostRecords = 2000;

/** Far more than fastsync writes; a larger file is not read. */
const mostFileBytes = 64 * 1024 * 1024;

/**
 * The runs of a pair, oldest first; none where there is no history. Skips lines that are torn or that
 * fastsync did not write. Rejects with HISTORY_UNUSABLE.
 */
export async function readHistory(stateDirectory: string, pair: string): Promise<RunRecord[]> {
  const lines = await readLines(historyFile(stateDirectory, pair));
  return lines.map(parse).filter(isRecord);
}

/** The newest picture, or null. Rejects with HISTORY_UNUSABLE. */
export async function readPicture(
  stateDirectory: string,
  pair: string,
): Promise<VolumePicture | null> {
  const text = await readText(pictureFile(stateDirectory, pair));
  const value = text === null ? null : parse(text);
  return isPicture(value) ? value : null;
}

/**
 * Adds a run to its pair's history, and replaces the picture unless it is null. The history keeps the
 * newest `mostRecords`. The caller holds the pair's lock. Rejects with HISTORY_UNUSABLE, and leaves the
 * history unchanged.
 */
export async function appendRun(
  stateDirectory: string,
  record: RunRecord,
  picture: VolumePicture | null,
): Promise<void> {
  const file = historyFile(stateDirectory, record.pair);
  const earlier = await readLines(file);
  const lines = [...earlier.slice(1 - mostRecords), JSON.stringify(record)];
  await writing(file, async () => {
    await makeDirectory(path.dirname(file));
    // The picture is written first: a newer picture is better than a record without its picture.
    if (picture !== null) {
      await replaceFile(pictureFile(stateDirectory, record.pair), `${JSON.stringify(picture)}\n`);
    }
    await replaceFile(file, `${lines.join('\n')}\n`);
  });
}

function historyFile(stateDirectory: string, pair: string): string {
  return path.join(stateDirectory, 'history', `${pair}.jsonl`);
}

function pictureFile(stateDirectory: string, pair: string): string {
  return path.join(stateDirectory, 'history', `${pair}.picture.json`);
}

async function readLines(file: string): Promise<string[]> {
  const text = await readText(file);
  return text === null ? [] : text.split('\n').filter((line) => line.trim() !== '');
}

async function readText(file: string): Promise<string | null> {
  try {
    await using handle = await openFile(file, constants.O_RDONLY);
    const { size } = await handle.stat();
    if (size > mostFileBytes) throw new Error(`it has ${size} bytes, which fastsync did not write`);
    return await handle.readFile('utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw unusable('read', file, error);
  }
}

async function writing(file: string, action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (error) {
    throw unusable('write', file, error);
  }
}

function unusable(action: string, file: string, cause: unknown): FastsyncError {
  const trouble = {
    code: 'HISTORY_UNUSABLE',
    action: `${action} the history`,
    file,
    remedy: 'free space in the directory and make it writable, or name another one as stateDir',
  };
  return ownFileError(trouble, cause);
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}

const outcomes: ReadonlySet<unknown> = new Set<RunOutcome>([
  'equal',
  'different',
  'not proven',
  'interrupted',
  'failed',
]);

const counts = [
  'seconds',
  'exitCode',
  'comparedBytes',
  'differentBytes',
  'differentRanges',
  'notProvenBytes',
  'notProvenRanges',
  'repairedBytes',
] as const satisfies readonly (keyof RunRecord)[];

function isRecord(value: unknown): value is RunRecord {
  const record = value as Partial<RunRecord> | null;
  if (record?.schema !== recordSchema || !outcomes.has(record.outcome)) return false;
  const { pair, source, target, startedAt, oldestProof, deviceBytes, usedBytes } = record;
  return (
    [pair, source, target].every((text) => typeof text === 'string') &&
    counts.every((name) => isAmount(record[name])) &&
    [deviceBytes, usedBytes].every((bytes) => bytes === null || isAmount(bytes)) &&
    isTime(startedAt) &&
    (oldestProof === null || isTime(oldestProof)) &&
    isObjectOrNull(record.filesystem) &&
    isObjectOrNull(record.error)
  );
}

function isPicture(value: unknown): value is VolumePicture {
  const picture = value as Partial<VolumePicture> | null;
  if (picture?.schema !== pictureSchema) return false;
  const { deviceBytes, used, different, notProven, omittedRanges, takenAt } = picture;
  const isRange = (range: unknown) => {
    const { start, length, what } = (range ?? {}) as Partial<VolumePicture['different'][number]>;
    return isAmount(start) && isAmount(length) && typeof what === 'string';
  };
  return (
    isAmount(deviceBytes) &&
    isAmount(omittedRanges) &&
    isTime(takenAt) &&
    [used, different, notProven].every((list) => Array.isArray(list)) &&
    (used ?? []).every((share) => isAmount(share) && share <= 1) &&
    [...(different ?? []), ...(notProven ?? [])].every(isRange)
  );
}

function isAmount(value: unknown): value is number {
  return Number.isFinite(value) && (value as number) >= 0;
}

function isTime(value: unknown): value is string {
  return typeof value === 'string' && !Number.isNaN(Date.parse(value));
}

function isObjectOrNull(value: unknown): boolean {
  return value === null || (typeof value === 'object' && !Array.isArray(value));
}
