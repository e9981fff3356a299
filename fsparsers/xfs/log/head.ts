/**
 * Finds where the log's newest record ends, from the cycle numbers stamped on every block: the
 * kernel's own search (xlog_find_head and its helpers, fs/xfs/xfs_log_recover.c), so that both
 * agree on what a torn end means.
 */

import type { Geometry } from '../superblock.js';
import { basicBlockBytes, basicBlocks, cycleIn, recordMagic, type LogBlocks } from './blocks.js';
import { LogFault } from './fault.js';
import { belongsTo, maxRecordBytes, recordBlocks, recordLayout } from './record.js';
import { viewOf } from '../bytes.js';

export const maxBuffersInFlight = 8; // XLOG_MAX_ICLOGS
const bigRecordBytes = 32 << 10; // XLOG_BIG_RECORD_BSIZE

/** XLOG_REC_SHIFT: blocks of the largest record. */
function largestRecordBlocks(geometry: Geometry): number {
  return basicBlocks(geometry.logIsV2 ? maxRecordBytes : bigRecordBytes);
}

/** XLOG_TOTAL_REC_SHIFT: blocks of all records that can be in flight together. */
function inFlightBlocks(geometry: Geometry): number {
  return maxBuffersInFlight * largestRecordBlocks(geometry);
}

/**
 * The block where the next record would go; null for a log of zeros, which has none.
 * @throws LogFault where no sense can be made of the cycle numbers.
 */
export async function findHead(log: LogBlocks, geometry: Geometry): Promise<number | null> {
  const firstCycle = await log.cycleOf(0);
  const lastCycle = await log.cycleOf(log.count - 1);
  if (firstCycle === 0) return null;
  if (lastCycle === 0) return findHeadBeforeZeros(log, geometry);
  const uniform = firstCycle === lastCycle;
  const guess = uniform ? log.count : await findCycleStart(log, 0, log.count - 1, lastCycle);
  const stop = uniform ? lastCycle - 1 : lastCycle;
  const checked = await scanBackForCycle(log, geometry, guess, stop);
  const head = await backOverPartialRecord(log, geometry, checked);
  return head === log.count ? 0 : head;
}

/** xlog_find_zeroed(): the log was never written to its end. */
async function findHeadBeforeZeros(log: LogBlocks, geometry: Geometry): Promise<number> {
  let last = await findCycleStart(log, 0, log.count - 1, 0);
  const scan = Math.min(last, inFlightBlocks(geometry));
  const start = last - scan;
  last = (await findCycleIn(log, start, scan, 0)) ?? last;
  const head = await endOfLastRecord(log, geometry, start, last, 0);
  if (head === null) throw new LogFault('is not preceded by a record', last);
  return head;
}

/** xlog_find_cycle_start(): bisection for the first block with the cycle number. */
async function findCycleStart(
  log: LogBlocks,
  first: number,
  last: number,
  cycle: number,
): Promise<number> {
  let low = first;
  let high = last;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if ((await log.cycleOf(middle)) === cycle) high = middle;
    else low = middle;
  }
  return high;
}

/** xlog_find_verify_cycle(): the first of the blocks that carries the cycle number, or null. */
async function findCycleIn(
  log: LogBlocks,
  start: number,
  count: number,
  cycle: number,
): Promise<number | null> {
  if (count <= 0) return null;
  const bytes = await log.read(start, count);
  for (let index = 0; index < count; index++) {
    if (cycleIn(bytes, index * basicBlockBytes) === cycle) return start + index;
  }
  return null;
}

/** Bisection trusts every block; writes in flight at the crash may have left holes behind it. */
async function scanBackForCycle(
  log: LogBlocks,
  geometry: Geometry,
  guess: number,
  stop: number,
): Promise<number> {
  const scan = Math.min(log.count, inFlightBlocks(geometry));
  if (guess >= scan) return (await findCycleIn(log, guess - scan, scan, stop)) ?? guess;
  const atEnd = scan - guess;
  const hole = await findCycleIn(log, log.count - atEnd, atEnd, stop - 1);
  return hole ?? (await findCycleIn(log, 0, guess, stop)) ?? guess;
}

/** The head must not lie in the middle of a record. */
async function backOverPartialRecord(
  log: LogBlocks,
  geometry: Geometry,
  head: number,
): Promise<number> {
  const scan = Math.min(log.count, largestRecordBlocks(geometry));
  const start = Math.max(0, head - scan);
  const found = await endOfLastRecord(log, geometry, start, head, 0);
  if (found !== null) return found;
  if (start > 0) throw new LogFault('is not preceded by a record', head);
  const wrappedStart = log.count - (scan - head);
  const wrapped = await endOfLastRecord(log, geometry, wrappedStart, log.count, head);
  if (wrapped === null) throw new LogFault('is not preceded by a record', head);
  return wrapped === log.count ? head : wrapped;
}

/**
 * xlog_find_verify_log_record(): looks back from `end` for a record's header. Where that record
 * does not end just there (`extra` blocks of it lie at the ring's beginning), it is a partial one,
 * and its header is the head. Null where there is no header down to `start`.
 */
async function endOfLastRecord(
  log: LogBlocks,
  geometry: Geometry,
  start: number,
  end: number,
  extra: number,
): Promise<number | null> {
  if (end <= start) return null;
  const bytes = await log.read(start, end - start);
  const view = viewOf(bytes);
  for (let block = end - 1; block >= start; block--) {
    const at = (block - start) * basicBlockBytes;
    if (view.getUint32(at) !== recordMagic) continue;
    const header = recordLayout.decode(bytes, at);
    if (!belongsTo(geometry, header)) {
      throw new LogFault('was written by another file system', block);
    }
    return end - block + extra === recordBlocks(geometry, header) ? end : block;
  }
  return null;
}
