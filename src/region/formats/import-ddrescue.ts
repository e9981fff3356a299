/**
 * Reads GNU ddrescue's mapfiles: what was read, and what could not be. Format: the ddrescue manual,
 * "Mapfile structure"; what is not said there is as ddrescue 1.27 does it.
 */

import { ExtentBuilder, type ExtentList } from '../extents.js';
import { type BlockStatus, blockStatuses } from './ddrescue.js';
import type { Chunks } from './format.js';
import { type FilePlace, invalid, quoted } from './invalid.js';
import { numberedLines } from './lines.js';

/** A mapfile's blocks in bytes, by their status. What lies before the first block is in none. */
export type DdrescueMap = Readonly<Record<(typeof blockStatuses)[BlockStatus], ExtentList>>;

const integer = '(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)';
const statusLine = new RegExp(`^${integer}\\s+[?*/\\-FG+](\\s+[1-9][0-9]*)?$`);
const blockLine = new RegExp(`^${integer}\\s+${integer}\\s+([?*/\\-+])$`);

/** A block that ends here has no end: ddrescue did not know the size of its input. */
const openEnd = 2n ** 63n - 1n;

/**
 * Reads a mapfile from its text; `file` is its name for messages. An open end becomes the largest
 * whole number that a double holds: clip the lists to the device. Rejects with FastsyncError
 * MAP_FILE_INVALID, which names the line.
 */
export async function importDdrescue(chunks: Chunks, file: string): Promise<DdrescueMap> {
  const builders = {
    nonTried: new ExtentBuilder(),
    nonTrimmed: new ExtentBuilder(),
    nonScraped: new ExtentBuilder(),
    badSectors: new ExtentBuilder(),
    finished: new ExtentBuilder(),
  };
  let statusSeen = false;
  let end: bigint | null = null;
  let place: FilePlace = { file, line: 1 };
  for await (const { line, text } of numberedLines(chunks, file)) {
    place = { file, line };
    const content = text.replace(/(^|\s)#.*$/, '').trim();
    if (content === '') continue;
    if (!statusSeen) {
      if (!statusLine.test(content)) throw wrong(place, `${quoted(content)} is no status line`);
      statusSeen = true;
      continue;
    }
    const block = parseBlock(content, place);
    if (end !== null && block.start !== end) {
      throw wrong(place, `${quoted(content)} does not begin where the block before it ends`);
    }
    end = block.end;
    builders[blockStatuses[block.status]].add(toNumber(block.start), toNumber(block.end));
  }
  if (!statusSeen) throw wrong(place, 'the file ends without a status line');
  return {
    nonTried: builders.nonTried.finish(),
    nonTrimmed: builders.nonTrimmed.finish(),
    nonScraped: builders.nonScraped.finish(),
    badSectors: builders.badSectors.finish(),
    finished: builders.finished.finish(),
  };
}

function parseBlock(content: string, place: FilePlace) {
  const [, startText = '', lengthText = '', status] = blockLine.exec(content) ?? [];
  if (status === undefined) throw wrong(place, `${quoted(content)} is no block`);
  const start = parseInteger(startText);
  const length = parseInteger(lengthText);
  const end = start + length;
  // An empty block stands for an empty input only.
  if (length === 0n && start !== 0n) throw wrong(place, 'the block has no length');
  const isOpen = end === openEnd;
  if (!isOpen && end > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw wrong(place, 'the block lies behind the end of any device');
  }
  return { start, end, status: status as BlockStatus };
}

/** Hexadecimal, octal or decimal, as in C. */
function parseInteger(text: string): bigint {
  return BigInt(/^0[0-7]+$/.test(text) ? `0o${text}` : text);
}

function toNumber(position: bigint): number {
  return position === openEnd ? Number.MAX_SAFE_INTEGER : Number(position);
}

function wrong(place: FilePlace, what: string) {
  return invalid(place, what, 'give a mapfile as ddrescue writes it');
}
