/**
 * From the head back to the last record, and from it to the tail: what has to be replayed, if
 * anything (xlog_find_tail, xlog_verify_head, xlog_check_unmount_rec, fs/xfs/xfs_log_recover.c).
 */

import type { Geometry } from '../superblock.js';
import type { LogPlace } from '../view.js';
import { viewOf } from '../bytes.js';
import { basicBlockBytes, recordMagic, type LogBlocks } from './blocks.js';
import { LogFault, RecordFault } from './fault.js';
import { findHead, maxBuffersInFlight } from './head.js';
import {
  belongsTo,
  headerBlocksOf,
  readRecord,
  recordBlocks,
  recordLayout,
  type LogRecord,
  type RecordHeader,
} from './record.js';

const unmountFlag = 0x20; // XLOG_UNMOUNT_TRANS
const operationFlagsAt = 9; // oh_flags in struct xlog_op_header
/** Blocks looked through at a time when searching for a record's header. */
const searchBlocks = 512;

export interface LogSpan {
  /** The first record to replay. */
  readonly tail: number;
  /** Where the next record would go. */
  readonly head: number;
  /** The newest record's buffer size, which bounds what was in flight with it. */
  readonly bufferBytes: number;
  readonly tornBlocks: number;
  /** The head as a sequence number. */
  readonly newest: LogPlace;
}

/** Nothing to replay, or the span to replay. */
export type FoundSpan =
  | { readonly state: 'clean'; readonly detail: string; readonly newest: LogPlace | null }
  | { readonly state: 'dirty'; readonly span: LogSpan };

interface Found {
  readonly block: number;
  readonly header: RecordHeader;
}

/** What the log asks for: nothing (it ends in an unmount record, or is empty), or a replay. */
export async function findSpan(log: LogBlocks, geometry: Geometry): Promise<FoundSpan> {
  const head = await findHead(log, geometry);
  if (head === null) return { state: 'clean', detail: 'the log is empty', newest: null };
  const last = await lastRecordBefore(log, head, head);
  if (last === null) throw new LogFault('is not preceded by a record', head);
  if (!belongsTo(geometry, last.header)) {
    throw new LogFault('was written by another file system', last.block);
  }
  if (await isUnmount(log, geometry, last, head)) return unmounted(last, head);
  return trimTornHead(log, geometry, last, head);
}

function unmounted(last: Found, head: number): FoundSpan {
  const detail = 'the log ends in an unmount record';
  return { state: 'clean', detail, newest: placeOf(last, head) };
}

function dirty(span: Omit<LogSpan, 'newest'>, last: Found): FoundSpan {
  const newest = placeOf(last, span.head);
  return span.tail === span.head
    ? { state: 'clean', detail: 'the log holds nothing to replay', newest }
    : { state: 'dirty', span: { ...span, newest } };
}

/** xlog_set_state(): past the ring's end a new cycle begins. */
function placeOf({ block, header }: Found, head: number): LogPlace {
  return { cycle: header.cycle + (block >= head ? 1 : 0), block: head };
}

/** xlog_check_unmount_rec(): one operation, flagged as an unmount, in the very last record. */
async function isUnmount(
  log: LogBlocks,
  geometry: Geometry,
  { block, header }: Found,
  head: number,
): Promise<boolean> {
  const after = (block + recordBlocks(geometry, header)) % log.count;
  if (after !== head || header.operations !== 1) return false;
  const operation = await log.read((block + headerBlocksOf(geometry, header)) % log.count, 1);
  return ((operation[operationFlagsAt] ?? 0) & unmountFlag) !== 0;
}

/**
 * xlog_verify_head(): a wrong checksum among the records that may have been in flight at the crash
 * is a torn write: the log ends in front of it.
 * The log may turn out to be clean once the torn end is cut off.
 */
async function trimTornHead(
  log: LogBlocks,
  geometry: Geometry,
  last: Found,
  head: number,
): Promise<FoundSpan> {
  const tail = tailOf(log, last);
  const firstChecked = await recordsBack(log, head, tail, maxBuffersInFlight);
  const bad = await firstBadRecord(log, geometry, firstChecked ?? last.block, head);
  if (bad === null) {
    return dirty({ tail, head, bufferBytes: last.header.bufferBytes, tornBlocks: 0 }, last);
  }
  const good = await lastRecordBefore(log, bad, tail);
  if (good === null) throw new LogFault('is torn, and nothing sound precedes it', bad);
  const goodTail = tailOf(log, good);
  if (goodTail === bad) throw new LogFault('is torn, back to the last record of all', bad);
  if (await isUnmount(log, geometry, good, bad)) return unmounted(good, bad);
  const tornBlocks = (head - bad + log.count) % log.count;
  const { bufferBytes } = good.header;
  return dirty({ tail: goodTail, head: bad, bufferBytes, tornBlocks }, good);
}

function tailOf(log: LogBlocks, { block, header }: Found): number {
  if (header.tailBlock >= log.count) throw new LogFault('points behind the log', block);
  return header.tailBlock;
}

async function firstBadRecord(
  log: LogBlocks,
  geometry: Geometry,
  from: number,
  head: number,
): Promise<number | null> {
  const records = recordsBetween(log, geometry, from, head);
  for (;;) {
    try {
      if ((await records.next()).done === true) return null;
    } catch (error) {
      if (error instanceof RecordFault) return error.block;
      throw error;
    }
  }
}

/**
 * The records from `tail` up to `head`, checked and unpacked, over the ring's end if need be.
 * @throws RecordFault with the block of the first record that is not sound.
 */
export async function* recordsBetween(
  log: LogBlocks,
  geometry: Geometry,
  tail: number,
  head: number,
): AsyncGenerator<LogRecord, undefined> {
  let left = (head - tail + log.count) % log.count || log.count;
  let block = tail;
  while (left > 0) {
    const record = await readRecord(log, geometry, block);
    const blocks = recordBlocks(geometry, record.header);
    if (blocks > left) throw new RecordFault('begins a record that runs past the head', block);
    yield record;
    left -= blocks;
    block = (block + blocks) % log.count;
  }
}

/** xlog_rseek_logrec_hdr() for one record: the nearest header in front of `before`. */
async function lastRecordBefore(
  log: LogBlocks,
  before: number,
  tail: number,
): Promise<Found | null> {
  const block = await recordsBack(log, before, tail, 1);
  if (block === null) return null;
  return { block, header: recordLayout.decode(await log.read(block, 1)) };
}

/** The header `count` records back from `head`, or the one nearest to that; null for none. */
async function recordsBack(
  log: LogBlocks,
  head: number,
  tail: number,
  count: number,
): Promise<number | null> {
  let found = 0;
  let last: number | null = null;
  const lower = head > tail ? tail : 0;
  for await (const block of headersBackward(log, lower, head)) {
    last = block;
    if (++found === count) return last;
  }
  if (tail < head) return last;
  for await (const block of headersBackward(log, tail, log.count)) {
    last = block;
    if (++found === count) return last;
  }
  return last;
}

async function* headersBackward(
  log: LogBlocks,
  lower: number,
  upper: number,
): AsyncGenerator<number> {
  for (let end = upper; end > lower; end -= Math.min(searchBlocks, end - lower)) {
    const start = Math.max(lower, end - searchBlocks);
    const bytes = await log.read(start, end - start);
    const found = headersIn(bytes).map((index) => start + index);
    yield* found.reverse();
  }
}

function headersIn(bytes: Uint8Array): number[] {
  const view = viewOf(bytes);
  const found: number[] = [];
  for (let index = 0; index < bytes.length / basicBlockBytes; index++) {
    if (view.getUint32(index * basicBlockBytes) === recordMagic) found.push(index);
  }
  return found;
}

/**
 * xlog_verify_tail(): after a crash the tail's own records may have been overwritten by a write
 * that never became part of the log. The next record that may serve as tail, or null.
 */
export async function laterTail(
  log: LogBlocks,
  span: LogSpan,
  badBlock: number,
): Promise<LogSpan | null> {
  const distance = (badBlock - span.head + log.count) % log.count;
  const reach = (maxBuffersInFlight * span.bufferBytes) / basicBlockBytes;
  if (distance > reach) return null;
  let left = (span.head - badBlock + log.count) % log.count;
  for (let from = badBlock + 1; left > 1; from += searchBlocks, left -= searchBlocks) {
    const count = Math.min(searchBlocks, left - 1);
    const [first] = headersIn(await log.readWrapped(from % log.count, count));
    if (first !== undefined) return { ...span, tail: (from + first) % log.count };
  }
  return null;
}
