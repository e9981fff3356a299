/** The ranges written to a tracked volume, for people and for programs. */

import { eachExtent, totalBytes, type ExtentList } from '../region/index.js';
import { formatBytes } from './units.js';
import { visible } from './visible.js';

export interface WrittenRanges {
  readonly path: string;
  readonly sizeBytes: number;
  readonly granularityBytes: number;
  readonly startedAt: string;
  readonly missed: string | null;
  readonly dirty: ExtentList;
}

/** The number increases when existing members change their meaning; new members may be added without that. */
export const writtenSchema = 'fastsync-written/1';

/** All positions and lengths are in bytes. Each range is on a line of its own. */
export function* writtenJson(written: WrittenRanges): Generator<string> {
  const { path, sizeBytes, granularityBytes, startedAt, missed, dirty } = written;
  const opening = JSON.stringify({
    schema: writtenSchema,
    device: { path, bytes: sizeBytes },
    granularityBytes,
    startedAt,
    missed,
    dirtyBytes: totalBytes(dirty),
  });
  yield `${opening.slice(0, -1)},"ranges":[`;
  let separator = '\n';
  for (const { start, length } of eachExtent(dirty)) {
    yield `${separator}{"start":${start},"length":${length}}`;
    separator = ',\n';
  }
  yield '\n]}\n';
}

/** A line with the totals, then the start and length in bytes of each range. */
export function* writtenText({ path, granularityBytes, dirty }: WrittenRanges): Generator<string> {
  const ranges = dirty.length / 2;
  yield `${visible(path)}: ${formatBytes(totalBytes(dirty))} in ${ranges} range${ranges === 1 ? '' : 's'}, `;
  yield `in steps of ${formatBytes(granularityBytes)}\n`;
  for (const { start, length } of eachExtent(dirty)) yield `${start} ${length}\n`;
}
