/**
 * Mapfiles of GNU ddrescue. Format: the ddrescue manual, "Mapfile structure": comments, one status
 * line, then blocks of position, size and status that follow each other without gaps.
 */

import type { UsedMap } from '../../../fsparsers/usedmap.js';
import { canonical, clip, type ExtentList } from '../../../fsparsers/extents.js';
import { inPieces, type MappedDevice } from './format.js';
import { type Run, runsOf, runsOfExtents } from './runs.js';

/** ddrescue's block states: not tried, not trimmed, bad sector, finished. */
type BlockStatus = '?' | '*' | '-' | '+';

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
  return mapfile(
    commentOn('Used (+) and free (?) parts', device),
    '?',
    domainBlocks(runsOf(map.ranges)),
  );
}

/** A domain mapfile of what was written to a device. */
export function ddrescueOfWritten(written: ExtentList, device: MappedDevice): Iterable<string> {
  const runs = runsOfExtents(written, device.bytes);
  return mapfile(commentOn('Written (+) and other (?) parts', device), '?', domainBlocks(runs));
}

/** JSON's escapes keep a path with a line break in it within the comment. */
function commentOn(what: string, { path }: MappedDevice): string {
  return `# ${what} of ${JSON.stringify(path)}\n`;
}

/**
 * A rescue mapfile, with which ddrescue can continue: `badRanges` are bad sectors, the rest is finished,
 * free ranges included, so that ddrescue does not read them from a failing disk. The bad ranges may come in any order.
 */
export function ddrescueMap(badRanges: ExtentList, deviceBytes: number): Iterable<string> {
  const bad = clip(canonical(badRanges), 0, deviceBytes);
  return mapfile('# Bad sectors (-) that fastsync met\n', '+', rescueBlocks(bad, deviceBytes));
}

/** What a verification found, each list canonical and none overlapping another. */
export interface ResultRanges {
  readonly equal: ExtentList;
  readonly different: ExtentList;
  readonly notProven: ExtentList;
}

/** A mapfile of a verification: equal is finished, different is a bad sector, not proven is not trimmed. */
export function ddrescueResult(ranges: ResultRanges, deviceBytes: number): Iterable<string> {
  const comment = '# Equal (+), different (-), not proven (*) and not compared (?) ranges\n';
  return mapfile(comment, '+', resultBlocks(ranges, deviceBytes));
}

function mapfile(comment: string, status: '?' | '+', blocks: Iterable<Block>): Iterable<string> {
  return inPieces(lines(`# Mapfile. Created by fastsync\n${comment}`, status, blocks));
}

function* lines(comment: string, status: '?' | '+', blocks: Iterable<Block>): Generator<string> {
  yield `${comment}# current_pos  current_status  current_pass\n`;
  yield `${hex(0)}     ${status}               1\n`;
  yield '#      pos        size  status\n';
  for (const { start, length, status } of blocks) {
    yield `${hex(start)}  ${hex(length)}  ${status}\n`;
  }
}

function* domainBlocks(runs: Iterable<Run>): Generator<Block> {
  for (const { start, length, used } of runs) {
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

function* resultBlocks(
  { equal, different, notProven }: ResultRanges,
  deviceBytes: number,
): Generator<Block> {
  const cursors: { readonly list: ExtentList; readonly status: BlockStatus; at: number }[] = [
    { list: equal, status: '+', at: 0 },
    { list: different, status: '-', at: 0 },
    { list: notProven, status: '*', at: 0 },
  ];
  let position = 0;
  const startOf = ({ list, at }: (typeof cursors)[number]) => list[at] ?? Infinity;
  for (;;) {
    const next = cursors.reduce((a, b) => (startOf(b) < startOf(a) ? b : a));
    const start = startOf(next);
    if (start === Infinity) break;
    const length = next.list[next.at + 1] as number;
    if (start > position) yield { start: position, length: start - position, status: '?' };
    yield { start, length, status: next.status };
    position = start + length;
    next.at += 2;
  }
  if (deviceBytes > position)
    yield { start: position, length: deviceBytes - position, status: '?' };
}

function hex(bytes: number): string {
  return `0x${bytes.toString(16).toUpperCase().padStart(8, '0')}`;
}
