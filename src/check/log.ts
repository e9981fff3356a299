/** The log of all checks: JSON lines, appended in a single write so that parallel runs do not mix theirs. */

import { constants } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { makeDirectory } from '../directories.js';
import { openFile } from '../own-file.js';
import { rangeEvents } from '../sync/index.js';
import type { PairResult } from './types.js';

const appending = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT;

/** The most ranges to log: a replica that was never seeded differs in a million places. */
const mostRanges = 1000;

/**
 * Appends a line for each range that is not equal, then the summary. Rejects with the system's error, and
 * with NOT_A_FILE.
 */
export async function appendLog(file: string, result: PairResult): Promise<void> {
  const text = [...logLines(result)].map((line) => `${JSON.stringify(line)}\n`).join('');
  await makeDirectory(path.dirname(file));
  await using handle = await openFile(file, appending, 0o640);
  // A line that a full disk truncated must not damage the next one.
  await handle.appendFile((await endsInLine(handle)) ? `\n${text}` : text);
}

/** Whether the file ends in the middle of a line. */
async function endsInLine(handle: FileHandle): Promise<boolean> {
  const { size } = await handle.stat();
  if (size === 0) return false;
  const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, size - 1);
  return buffer.toString('latin1') !== '\n';
}

function* logLines({ record, report, notes, staleness }: PairResult): Generator<object> {
  const time = new Date().toISOString();
  const { pair } = record;
  let ranges = 0;
  if (report !== null) {
    for (const event of rangeEvents(report)) {
      if (++ranges > mostRanges) continue;
      const { type, ...range } = event;
      yield { time, type, pair, ...range };
    }
  }
  const { schema: _, pair: __, ...figures } = record;
  yield {
    time,
    type: 'summary',
    pair,
    ...figures,
    staleness,
    doubts: report?.doubts ?? [],
    notes: notes.map(({ severity, code, message }) => ({ severity, code, message })),
    omittedRanges: Math.max(0, ranges - mostRanges),
  };
}
