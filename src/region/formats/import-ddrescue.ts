/** Reads ddrescue's mapfiles (its manual, "Mapfile structure"): what was read, and what could not be. */

import type { ExtentList } from '../../engine/types.js';
import { ExtentBuilder } from '../extents.js';
import { invalid, isBytes } from './invalid.js';

/** ddrescue's words for a block's state, by their characters. */
export const ddrescueStatuses = {
  '?': 'nonTried',
  '*': 'nonTrimmed',
  '/': 'nonScraped',
  '-': 'badSectors',
  '+': 'finished',
} as const;

type DdrescueCharacter = keyof typeof ddrescueStatuses;

/** A mapfile's blocks in bytes, by their state. */
export type DdrescueMap = Readonly<
  Record<(typeof ddrescueStatuses)[DdrescueCharacter], ExtentList>
>;

const statusLine = /^(0[xX][0-9a-fA-F]+|[0-9]+)\s+[?*/\-FG+](\s+[0-9]+)?$/;
const blockLine = /^(0[xX][0-9a-fA-F]+|[0-9]+)\s+(0[xX][0-9a-fA-F]+|[0-9]+)\s+([?*/\-+])$/;

/** Hexadecimal, octal or decimal, as in C++: the manual allows all three. */
function parseInteger(text: string): number {
  return /^0[0-7]+$/.test(text) ? Number.parseInt(text, 8) : Number(text);
}

/** Reads a ddrescue mapfile. Throws FastsyncError MAP_FILE_INVALID. */
export function importDdrescue(text: string): DdrescueMap {
  const lines = text
    .split('\n')
    .map((line) => line.replace(/(^|\s)#.*$/, '').trim())
    .filter((line) => line !== '');
  const [status, ...blocks] = lines;
  if (status === undefined || !statusLine.test(status)) {
    throw invalid('ddrescue mapfile', 'it has no status line');
  }
  const builders = {
    nonTried: new ExtentBuilder(),
    nonTrimmed: new ExtentBuilder(),
    nonScraped: new ExtentBuilder(),
    badSectors: new ExtentBuilder(),
    finished: new ExtentBuilder(),
  };
  let end: number | null = null;
  for (const block of blocks) {
    const [, startText = '', lengthText = '', character] = blockLine.exec(block) ?? [];
    const start = parseInteger(startText);
    const length = parseInteger(lengthText);
    const follows = character !== undefined && isBytes(start + length) && (end ?? start) === start;
    if (!follows) throw invalid('ddrescue mapfile', `"${block}" does not follow the block before`);
    end = start + length;
    builders[ddrescueStatuses[character as DdrescueCharacter]].add(start, end);
  }
  return {
    nonTried: builders.nonTried.finish(),
    nonTrimmed: builders.nonTrimmed.finish(),
    nonScraped: builders.nonScraped.finish(),
    badSectors: builders.badSectors.finish(),
    finished: builders.finished.finish(),
  };
}
