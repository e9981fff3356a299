/**
 * Mapfiles of GNU ddrescue. Format: the ddrescue manual, "Mapfile structure": comments, one status
 * line, then blocks of position, size and status that follow each other without gaps.
 */

import type { UsedMap } from '../../../fsparsers/usedmap.js';
import { canonical, clip, type ExtentList } from '../extents.js';
import { inPieces, type MappedDevice } from './format.js';
import { runsOf } from './runs.js';

/** What ddrescue knows of a block, by the character that says so. */
export const blockStatuses = {
  '?': 'nonTried',
  '*': 'nonTrimmed',
  '/': 'nonScraped',
  '-': 'badSectors',
  '+': 'finished',
} as const;

export type BlockStatus = keyof typeof blockStatuses;

interface Block {
  readonly start: number;
  readonly length: number;
  readonly status: BlockStatus;
}

/**
 * A domain mapfile, for `ddrescue -m` and nbdkit's ddrescue filter: used runs are finished, free ones
 * not tried.
 */
export function ddrescue(map: UsedMap, device: MappedDevice): Iterable<string> {
  // JSON's escapes keep a path with a line break in it within the comment.
  const comment = `# Used (+) and free (?) parts of ${JSON.stringify(device.path)}\n`;
  return mapfile(comment, '?', domainBlocks(map));
}

/**
 * A rescue mapfile, with which ddrescue can go on: `badRanges` are bad sectors, the rest is finished,
 * what was free included, so that nobody asks a dying disk for it. The bad ranges may come in any order.
 */
export function ddrescueMap(badRanges: ExtentList, deviceBytes: number): Iterable<string> {
  const bad = clip(canonical(badRanges), 0, deviceBytes);
  return mapfile('# Bad sectors (-) that fastsync met\n', '+', rescueBlocks(bad, deviceBytes));
}

function mapfile(comment: string, status: '?' | '+', blocks: Iterable<Block>): Iterable<string> {
  return inPieces(lines(`# Mapfile. Created by fastsync\n${comment}`, status, blocks));
}

function* lines(head: string, status: '?' | '+', blocks: Iterable<Block>): Generator<string> {
  yield `${head}# current_pos  current_status  current_pass\n`;
  yield `${hex(0)}     ${status}               1\n`;
  yield '#      pos        size  status\n';
  for (const { start, length, status } of blocks) {
    yield `${hex(start)}  ${hex(length)}  ${status}\n`;
  }
}

function* domainBlocks(map: UsedMap): Generator<Block> {
  for (const { start, length, used } of runsOf(map.ranges)) {
    yield { start, length, status: used ? '+' : '?' };
  }
}

function* rescueBlocks(badRanges: ExtentList, deviceBytes: number): Generator<Block> {
  let position = 0;
  for (let index = 0; index < badRanges.length; index += 2) {
    const start = badRanges[index] as number;
    const length = badRanges[index + 1] as number;
    if (start > position) yield { start: position, length: start - position, status: '+' };
    yield { start, length, status: '-' };
    position = start + length;
  }
  if (deviceBytes > position)
    yield { start: position, length: deviceBytes - position, status: '+' };
}

function hex(bytes: number): string {
  return `0x${bytes.toString(16).toUpperCase().padStart(8, '0')}`;
}
