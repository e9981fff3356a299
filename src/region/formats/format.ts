/** The type of every export format: a function from a map to text, in pieces. */

import type { UsedMap } from '../../../fsparsers/usedmap.js';

/** The volume a map was made of, as it is named in the output. */
export interface MappedDevice {
  readonly path: string;
  readonly bytes: number;
}

/** Gives the file's text in order, in pieces of moderate size: maps have millions of ranges. */
export type Format = (map: UsedMap, device: MappedDevice) => Iterable<string>;

const pieceLength = 64 * 1024;

/** Joins short texts into pieces large enough for a write each. */
export function* inPieces(texts: Iterable<string>): Generator<string> {
  let piece = '';
  for (const text of texts) {
    piece += text;
    if (piece.length < pieceLength) continue;
    yield piece;
    piece = '';
  }
  if (piece !== '') yield piece;
}
