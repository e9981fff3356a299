/** What the fsync writer was promised, and whether a copy keeps it. */

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';

export type DurableEntry =
  | {
      readonly kind: 'file';
      readonly name: string;
      readonly bytes: number;
      readonly sha256: string;
    }
  /** From now on it may be gone. */
  | { readonly kind: 'doomed'; readonly name: string }
  /** So many records at least are in the journal. */
  | { readonly kind: 'journal'; readonly records: number }
  /** The cell has this version, or a later one. */
  | { readonly kind: 'cell'; readonly cell: number; readonly version: number };

/** With the time, Date.now(), when the fsync had come back. */
export type LoggedEntry = DurableEntry & { readonly at: number };

export const cells = 256;
export const cellBytes = 4096;

/** Each version of each cell is unlike all others, in every 32 bytes. */
export function cellContent(cell: number, version: number): Buffer {
  const content = Buffer.alloc(cellBytes);
  content.writeUInt32LE(version, 0);
  for (let at = 32; at < cellBytes; at += 32) {
    createHash('sha256').update(`${cell} ${version} ${at}`).digest().copy(content, at);
  }
  return content;
}

export function journalLine(record: number): string {
  return `${String(record).padStart(12, '0')} ${'x'.repeat(record % 97)}\n`;
}

export async function readFsyncLog(log: string): Promise<LoggedEntry[]> {
  const lines = (await readFile(log, 'utf8')).split('\n');
  // What follows the last line feed is a line that is being written.
  return lines.slice(0, -1).map((line) => JSON.parse(line) as LoggedEntry);
}

export interface Kept {
  readonly checked: number;
  /** A sentence for each promise that the copy in `directory` does not keep. */
  readonly lost: string[];
}

/** Holds a copy against everything that was durable at `untilMs` (Date.now()). */
export async function checkKept(
  entries: readonly LoggedEntry[],
  directory: string,
  untilMs: number,
): Promise<Kept> {
  const promised = entries.filter(({ at }) => at <= untilMs);
  const lost: string[] = [];
  const doomed = new Set<string>();
  for (const entry of promised) if (entry.kind === 'doomed') doomed.add(entry.name);
  let records = 0;
  const versions = new Map<number, number>();
  for (const entry of promised) {
    if (entry.kind === 'journal') records = Math.max(records, entry.records);
    else if (entry.kind === 'cell') versions.set(entry.cell, entry.version);
    else if (entry.kind === 'doomed' || doomed.has(entry.name)) continue;
    else if (!(await holdsFile(directory, entry))) lost.push(`${entry.name} is not as fsynced`);
  }
  if (records > 0 && !(await holdsRecords(directory, records))) {
    lost.push(`the journal does not begin with its ${records} records`);
  }
  const found = versions.size === 0 ? Buffer.alloc(0) : await bytesOf(directory, 'cells');
  for (const [cell, version] of versions) {
    const content = found.subarray(cell * cellBytes, (cell + 1) * cellBytes);
    const has = content.length === cellBytes ? content.readUInt32LE(0) : 0;
    if (has < version || !content.equals(cellContent(cell, has))) {
      lost.push(`cell ${cell} is of version ${has}, or torn, not ${version} or later`);
    }
  }
  return { checked: promised.length, lost };
}

/** Nothing for a file that is not there. */
function bytesOf(directory: string, name: string): Promise<Buffer> {
  return readFile(path.join(directory, name)).catch(() => Buffer.alloc(0));
}

async function holdsFile(
  directory: string,
  { name, bytes, sha256 }: DurableEntry & { kind: 'file' },
): Promise<boolean> {
  const content = await bytesOf(directory, name);
  const digest = createHash('sha256').update(content).digest('hex');
  return content.length === bytes && digest === sha256;
}

async function holdsRecords(directory: string, records: number): Promise<boolean> {
  const wanted = Buffer.from(Array.from({ length: records }, (_, i) => journalLine(i)).join(''));
  return (await bytesOf(directory, 'journal')).subarray(0, wanted.length).equals(wanted);
}
