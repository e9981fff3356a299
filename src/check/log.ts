/** The log of all checks: JSON lines, added in one piece, so that runs side by side do not mix theirs. */

import { open } from 'node:fs/promises';
import path from 'node:path';
import { makeDirectory } from '../directories.js';
import { rangeEvents } from '../sync/index.js';
import type { PairResult } from './types.js';

/** A replica that was never seeded differs in a million places. */
const mostRanges = 1000;

/** Adds a line for each range that is not equal, then the summary. Rejects with the system's error. */
export async function appendLog(file: string, result: PairResult): Promise<void> {
  const text = [...logLines(result)].map((line) => `${JSON.stringify(line)}\n`).join('');
  await makeDirectory(path.dirname(file));
  await using handle = await open(file, 'a', 0o640);
  await handle.appendFile(text);
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
