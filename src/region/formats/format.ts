/** What every map format is: a pure function from a map to text, a piece at a time. */

import type { UsedMap } from '../../../fsparsers/usedmap.js';

/** The volume that was mapped, as the user names it. */
export interface MappedDevice {
  readonly path: string;
  readonly bytes: number;
}

/** Maps have millions of ranges: the text is never whole in memory. */
export type MapFormat = (map: UsedMap, device: MappedDevice) => Iterable<string>;

const chunkLength = 64 * 1024;

/** The same text in pieces that are worth a write each. */
export function* inChunks(pieces: Iterable<string>): Generator<string> {
  let chunk = '';
  for (const piece of pieces) {
    chunk += piece;
    if (chunk.length >= chunkLength) {
      yield chunk;
      chunk = '';
    }
  }
  if (chunk !== '') yield chunk;
}

export interface UseRange {
  readonly start: number;
  readonly length: number;
  readonly used: boolean;
}

/** The device's ranges in order, neighbours merged that are both used, whatever the reason. */
export function* rangesByUse({ ranges }: UsedMap): Generator<UseRange> {
  let start = 0;
  let end = 0;
  let used = false;
  for (const range of ranges) {
    const isUsed = range.reason !== 'free';
    if (isUsed !== used && end > start) {
      yield { start, length: end - start, used };
      start = end;
    }
    used = isUsed;
    end += range.length;
  }
  if (end > start) yield { start, length: end - start, used };
}
