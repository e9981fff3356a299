/**
 * Replays the log's buffer items in memory, in the kernel's two passes: first which buffers were
 * cancelled, then what was written (xlog_do_log_recovery, fs/xfs/xfs_log_recover.c, and
 * fs/xfs/xfs_buf_item_recover.c). All other items change nothing that the map is made from; an
 * intent that was never done leaves its extents used.
 */

import type { ByteReader } from '../../reader.js';
import { readAll } from '../read-all.js';
import { superblockLayout, type Geometry } from '../superblock.js';
import type { LogBlocks } from './blocks.js';
import { ageOfBuffer } from './buffer-lsn.js';
import { LogFault, RecordFault } from './fault.js';
import { chunkBytes, type BufferItem } from './items.js';
import { Overlay } from './overlay.js';
import { checkReplayable } from './record.js';
import { laterTail, recordsBetween, type LogSpan } from './tail.js';
import { Transactions, type CommittedTransaction } from './transactions.js';

/** Bounds on memory; no sound log of 2 GiB comes near them. */
const maxBuffers = 1 << 21;
const maxOverlayBytes = 512 << 20;
const maxInodes = 1 << 20;
/** How many buffers' blocks are read at a time for their age. */
const agesAtOnce = 1024;

export interface Replayed {
  readonly overlay: Overlay;
  /** Start to length, in bytes, of every buffer that the log writes and does not cancel. */
  readonly written: ReadonlyMap<number, number>;
  /** The inodes of committed inode items; null where there are too many to list. */
  readonly inodes: ReadonlySet<number> | null;
  readonly transactions: number;
}

/** A buffer's identity in the log: its place and its length. */
function keyOf({ startBytes, lengthBytes }: BufferItem): string {
  return `${startBytes}+${lengthBytes}`;
}

interface BufferState {
  readonly startBytes: number;
  readonly lengthBytes: number;
  /** As of the last time the kernel would have written it back. */
  lsn: bigint;
  damaged: boolean;
  /** Changes not yet written back, and the commit they wait behind. */
  pendingLsn: bigint | null;
}

interface FirstPass {
  readonly cancelled: Map<string, number>;
  readonly buffers: Map<string, BufferState>;
  readonly inodes: Set<number> | null;
  readonly transactions: number;
}

/**
 * Replays everything between tail and head.
 * @throws LogFault where the log cannot be followed.
 */
export async function replay(
  reader: ByteReader,
  geometry: Geometry,
  log: LogBlocks,
  span: LogSpan,
): Promise<Replayed> {
  const { first, sound } = await firstPassFromSoundTail(reader, geometry, log, span);
  await readAges(reader, geometry, [...first.buffers.values()]);
  const overlay = new Overlay(reader, span.newest);
  const written = new Map<number, number>();
  const state: SecondPass = { geometry, first, overlay, written };
  for await (const [transaction, record] of committed(log, geometry, sound, true)) {
    secondPass(state, transaction, record.block);
  }
  return { overlay, written, inodes: first.inodes, transactions: first.transactions };
}

async function* committed(log: LogBlocks, geometry: Geometry, span: LogSpan, keepData: boolean) {
  const transactions = new Transactions(keepData);
  for await (const record of recordsBetween(log, geometry, span.tail, span.head)) {
    checkReplayable(geometry, record);
    for (const transaction of transactions.take(record)) yield [transaction, record] as const;
  }
}

/** The first pass also proves every checksum; a tail that was overwritten is moved on. */
async function firstPassFromSoundTail(
  reader: ByteReader,
  geometry: Geometry,
  log: LogBlocks,
  span: LogSpan,
): Promise<{ first: FirstPass; sound: LogSpan }> {
  for (let sound = span; ;) {
    try {
      return { first: await firstPass(reader, geometry, log, sound), sound };
    } catch (error) {
      if (!(error instanceof RecordFault)) throw error;
      const later = await laterTail(log, sound, error.block);
      if (later === null) throw error;
      sound = later;
    }
  }
}

async function firstPass(
  reader: ByteReader,
  geometry: Geometry,
  log: LogBlocks,
  span: LogSpan,
): Promise<FirstPass> {
  const cancelled = new Map<string, number>();
  const buffers = new Map<string, BufferState>();
  const inodes = new Set<number>();
  let transactions = 0;
  for await (const [transaction, record] of committed(log, geometry, span, false)) {
    transactions++;
    for (const inode of transaction.inodes) if (inodes.size <= maxInodes) inodes.add(inode);
    for (const { item } of transaction.buffers) {
      const key = keyOf(item);
      if (item.startBytes + item.lengthBytes > reader.sizeBytes || item.lengthBytes === 0) {
        throw new LogFault('writes a buffer outside the device', record.block);
      }
      if (item.cancels) cancelled.set(key, (cancelled.get(key) ?? 0) + 1);
      else if (item.structural && !buffers.has(key)) {
        const { startBytes, lengthBytes } = item;
        const unknown = { lsn: 0n, damaged: false, pendingLsn: null };
        buffers.set(key, { startBytes, lengthBytes, ...unknown });
      }
    }
    if (buffers.size > maxBuffers || cancelled.size > maxBuffers) {
      throw new LogFault('belongs to a log of more buffers than fit into memory', record.block);
    }
  }
  return { cancelled, buffers, inodes: inodes.size > maxInodes ? null : inodes, transactions };
}

async function readAges(
  reader: ByteReader,
  geometry: Geometry,
  states: readonly BufferState[],
): Promise<void> {
  if (geometry.version !== 5) return;
  for (const lengthBytes of new Set(states.map((state) => state.lengthBytes))) {
    const same = states
      .filter((state) => state.lengthBytes === lengthBytes)
      .sort((a, b) => a.startBytes - b.startBytes);
    for (let first = 0; first < same.length; first += agesAtOnce) {
      const some = same.slice(first, first + agesAtOnce);
      const offsets = some.map(({ startBytes }) => startBytes);
      const blocks = await readAll(reader, offsets, lengthBytes);
      for (const [index, state] of some.entries()) {
        const bytes = blocks[index];
        if (bytes !== undefined) Object.assign(state, ageOfBuffer(geometry, bytes));
      }
    }
  }
}

interface SecondPass {
  readonly geometry: Geometry;
  readonly first: FirstPass;
  readonly overlay: Overlay;
  readonly written: Map<number, number>;
}

function secondPass(pass: SecondPass, transaction: CommittedTransaction, block: number): void {
  const { cancelled } = pass.first;
  const written = transaction.buffers.filter(({ item }) => !item.cancels);
  for (const buffer of written) {
    if (!cancelled.has(keyOf(buffer.item))) writeBuffer(pass, transaction.lsn, buffer, block);
  }
  for (const { item } of transaction.buffers) {
    if (!item.cancels) continue;
    const left = (cancelled.get(keyOf(item)) ?? 0) - 1;
    if (left > 0) cancelled.set(keyOf(item), left);
    else cancelled.delete(keyOf(item));
  }
}

function writeBuffer(
  pass: SecondPass,
  lsn: bigint,
  { item, regions }: CommittedTransaction['buffers'][number],
  block: number,
): void {
  const known = pass.written.get(item.startBytes) ?? 0;
  pass.written.set(item.startBytes, Math.max(known, item.lengthBytes));
  if (pass.written.size > maxBuffers) {
    throw new LogFault('belongs to a log of more buffers than fit into memory', block);
  }
  const state = pass.first.buffers.get(keyOf(item));
  if (state === undefined || !item.structural) return;
  // Within one sequence number a buffer is written back once, after all of its changes.
  if (state.pendingLsn !== null && state.pendingLsn !== lsn) {
    state.lsn = state.pendingLsn;
    state.pendingLsn = null;
  }
  const isV5 = pass.geometry.version === 5;
  if (state.damaged || (isV5 && state.lsn !== 0n && state.lsn >= lsn)) return;
  writeRuns(pass.overlay, item, regions, block);
  state.pendingLsn = lsn;
  if (pass.overlay.heldBytes > maxOverlayBytes) {
    throw new LogFault('belongs to a log that changes more than fits into memory', block);
  }
}

/** xlog_recover_do_reg_buffer(): a run of bits may be spread over several regions. */
function writeRuns(
  overlay: Overlay,
  item: BufferItem,
  regions: readonly Uint8Array[],
  block: number,
): void {
  let next = 0;
  for (const [first, count] of item.runs) {
    for (let done = 0; done < count;) {
      const region = regions[next++];
      const chunks = Math.min(count - done, Math.floor((region?.length ?? 0) / chunkBytes));
      const at = (first + done) * chunkBytes;
      if (region === undefined || chunks === 0 || at + chunks * chunkBytes > item.lengthBytes) {
        throw new LogFault('has a buffer item whose data does not fit its map', block);
      }
      overlay.write(item.startBytes + at, region.subarray(0, chunks * chunkBytes));
      done += chunks;
    }
  }
}

/** Whether replay changes the superblock's idea of where things are: a file system being grown. */
export async function changesGeometry(reader: ByteReader, replayed: Replayed): Promise<boolean> {
  const read = async (from: ByteReader) => superblockLayout.decode(await from.read(0, 512));
  const before = await read(reader);
  const after = await read(replayed.overlay);
  const fields = [
    'dataBlocks',
    'agCount',
    'agBlocks',
    'logStart',
    'logBlocks',
    'incompat',
    'roCompat',
  ] as const;
  return fields.some((field) => before[field] !== after[field]);
}
