/**
 * Puts transactions together from the operations in log records: a transaction may span records,
 * and so may each of its regions (xlog_recover_process_ophdr, fs/xfs/xfs_log_recover.c).
 */

import { layout } from '../../layout.js';
import { viewOf } from '../bytes.js';
import { LogFault } from './fault.js';
import {
  bufferItem,
  decodeBufferItem,
  decodeInodeItem,
  inodeItem,
  itemTypes,
  type BufferItem,
} from './items.js';
import type { LogRecord } from './record.js';

/** struct xlog_op_header, fs/xfs/libxfs/xfs_log_format.h. */
const operationLayout = layout('big', {
  transaction: [0, 'u32'],
  lengthBytes: [4, 'u32'],
  client: [8, 'u8'],
  flags: [9, 'u8'],
});
const operationBytes = 12;
const clients: ReadonlySet<number> = new Set([0x69, 0xaa]); // XFS_TRANSACTION, XFS_LOG
const flag = { start: 1, commit: 2, continues: 4, continued: 8, ends: 16, unmount: 32 } as const;

const headerBytes = 16; // struct xfs_trans_header
const headerMagic = 0x5452414e; // "TRAN"
/** XLOG_MAX_REGIONS_IN_ITEM. */
const maxRegions = 8192;
/** A region is at most a buffer, or an attribute's value: 64 KiB. */
const maxRegionBytes = 128 << 10;
/** All the regions kept at one time: a checkpoint is far smaller (XLOG_CIL_BLOCKING_SPACE_LIMIT). */
const maxKeptBytes = 256 << 20;
/** What an item or a region costs in memory beside its bytes. */
const itemOverheadBytes = 128;
const maxOpenTransactions = 1 << 16;

/** One logged item: regions are kept for structural buffers, and the first one for inodes. */
interface Item {
  readonly type: number;
  readonly total: number;
  count: number;
  readonly regions: Uint8Array[];
  buffer: BufferItem | null;
}

export interface CommittedTransaction {
  /** Of the record in which it began: what buffers are stamped with (cycle, then block). */
  readonly lsn: bigint;
  readonly buffers: readonly {
    readonly item: BufferItem;
    readonly regions: readonly Uint8Array[];
  }[];
  /** The inodes that it changes. */
  readonly inodes: readonly number[];
}

interface Transaction {
  readonly lsn: bigint;
  headerLeft: number;
  /** The item that regions are added to, of any type; only buffer items are kept after it. */
  current: Item | null;
  readonly buffers: Item[];
  readonly inodes: number[];
  keptBytes: number;
}

export class Transactions {
  readonly #open = new Map<number, Transaction>();
  readonly #keepData: boolean;
  #keptBytes = 0;

  /** Without `keepData` only the items' formats are kept: enough for the first pass. */
  constructor(keepData: boolean) {
    this.#keepData = keepData;
  }

  /** Takes a record's operations and yields the transactions that they commit. */
  *take(record: LogRecord): Generator<CommittedTransaction> {
    const { data, header, block } = record;
    const lsn = (BigInt(header.lsnCycle) << 32n) | BigInt(header.lsnBlock);
    let at = 0;
    for (let left = header.operations; left > 0 && at < data.length; left--) {
      if (at + operationBytes > data.length) throw new LogFault('has a cut-off operation', block);
      const operation = operationLayout.decode(data, at);
      at += operationBytes;
      if (!clients.has(operation.client)) {
        throw new LogFault(`has an operation of client ${operation.client}`, block);
      }
      if (at + operation.lengthBytes > data.length) {
        throw new LogFault('has an operation longer than its record', block);
      }
      const region = data.subarray(at, at + operation.lengthBytes);
      at += operation.lengthBytes;
      const committed = this.#operation(operation.transaction, operation.flags, region, lsn, block);
      if (committed !== null) yield committed;
    }
  }

  #operation(
    id: number,
    flags: number,
    region: Uint8Array,
    lsn: bigint,
    block: number,
  ): CommittedTransaction | null {
    const transaction = this.#open.get(id);
    if (transaction === undefined) {
      // What belongs to no transaction is the rest of one that began before the tail.
      if ((flags & flag.start) !== 0) this.#start(id, lsn, block);
      return null;
    }
    let action = flags & ~flag.ends;
    if ((action & flag.continued) !== 0) action &= ~flag.continues;
    switch (action) {
      case 0:
      case flag.continues:
        this.#addRegion(transaction, region, block);
        return null;
      case flag.continued:
        this.#continueRegion(transaction, region, block);
        return null;
      case flag.commit:
        this.#close(id, transaction);
        return commit(transaction, block);
      case flag.unmount:
        this.#close(id, transaction);
        return null;
      default:
        throw new LogFault(`has an operation with flags ${flags}`, block);
    }
  }

  #start(id: number, lsn: bigint, block: number): void {
    if (this.#open.size >= maxOpenTransactions) {
      throw new LogFault('has more open transactions than can be', block);
    }
    this.#open.set(id, {
      lsn,
      headerLeft: headerBytes,
      current: null,
      buffers: [],
      inodes: [],
      keptBytes: 0,
    });
  }

  #close(id: number, transaction: Transaction): void {
    this.#open.delete(id);
    this.#keptBytes -= transaction.keptBytes;
  }

  #addRegion(transaction: Transaction, region: Uint8Array, block: number): void {
    if (region.length === 0) return;
    if (transaction.headerLeft > 0) {
      if (transaction.headerLeft < headerBytes || region.length > headerBytes) {
        throw new LogFault('has a malformed transaction header', block);
      }
      if (region.length < 4 || viewOf(region).getUint32(0, true) !== headerMagic) {
        throw new LogFault('has a transaction without its header', block);
      }
      transaction.headerLeft -= region.length;
      return;
    }
    let item = transaction.current;
    if (item === null || item.count === item.total) {
      item = beginItem(region, block);
      transaction.current = item;
      if (item.type === bufferItem) {
        transaction.buffers.push(item);
        this.#count(transaction, itemOverheadBytes, block);
      }
    }
    item.count++;
    if (item.count === 2) {
      decodeFormat(item, block);
      if (item.type === inodeItem) transaction.inodes.push(inodeOf(item, block));
    }
    this.#keep(transaction, item, region, block);
  }

  #continueRegion(transaction: Transaction, region: Uint8Array, block: number): void {
    if (transaction.headerLeft > 0) {
      if (region.length > transaction.headerLeft) {
        throw new LogFault('has a malformed transaction header', block);
      }
      transaction.headerLeft -= region.length;
      return;
    }
    const item = transaction.current;
    if (item === null) throw new LogFault('continues a region that never began', block);
    if (!this.#isKept(item)) return;
    const begun = item.regions.pop() ?? new Uint8Array(0);
    if (begun.length + region.length > maxRegionBytes) {
      throw new LogFault('has a region larger than any buffer', block);
    }
    const whole = new Uint8Array(begun.length + region.length);
    whole.set(begun);
    whole.set(region, begun.length);
    this.#count(transaction, region.length, block);
    item.regions.push(whole);
  }

  /** The format of a buffer or an inode is always kept; its data in the pass that replays it. */
  #isKept(item: Item): boolean {
    if (item.count === 1) return item.type === bufferItem || item.type === inodeItem;
    if (item.type !== bufferItem) return false;
    return this.#keepData && item.buffer?.structural === true && !item.buffer.cancels;
  }

  #keep(transaction: Transaction, item: Item, region: Uint8Array, block: number): void {
    if (!this.#isKept(item)) return;
    if (region.length > maxRegionBytes) {
      throw new LogFault('has a region larger than any buffer', block);
    }
    this.#count(transaction, region.length + itemOverheadBytes, block);
    item.regions.push(region.slice());
  }

  #count(transaction: Transaction, lengthBytes: number, block: number): void {
    transaction.keptBytes += lengthBytes;
    this.#keptBytes += lengthBytes;
    if (this.#keptBytes > maxKeptBytes) {
      throw new LogFault('belongs to transactions too large to hold in memory', block);
    }
  }
}

/** Every item begins with a region whose first words are its type and its number of regions. */
function beginItem(region: Uint8Array, block: number): Item {
  if (region.length < 4) throw new LogFault('has an item without type and size', block);
  const view = viewOf(region);
  const type = view.getUint16(0, true);
  const total = view.getUint16(2, true);
  if (total === 0 || total > maxRegions) {
    throw new LogFault(`has an item of ${total} regions`, block);
  }
  if (!itemTypes.has(type)) {
    throw new LogFault(`has an item of unknown type 0x${type.toString(16)}`, block);
  }
  return { type, total, count: 0, regions: [], buffer: null };
}

/** Once the second region begins the first is complete, and says whether the data is wanted. */
function decodeFormat(item: Item, block: number): void {
  if (item.type !== bufferItem) return;
  item.buffer = decodeBufferItem(item.regions[0] ?? new Uint8Array(0));
  if (item.buffer === null) throw new LogFault('has a malformed buffer item', block);
}

function inodeOf(item: Item, block: number): number {
  const inode = decodeInodeItem(item.regions.pop() ?? new Uint8Array(0));
  if (inode === null) throw new LogFault('has a malformed inode item', block);
  return inode;
}

function commit(transaction: Transaction, block: number): CommittedTransaction {
  const buffers: { item: BufferItem; regions: readonly Uint8Array[] }[] = [];
  for (const item of transaction.buffers) {
    if (item.buffer === null) decodeFormat(item, block);
    if (item.buffer === null) continue;
    if (item.count !== item.total && !item.buffer.cancels) {
      throw new LogFault('commits a buffer item that is not complete', block);
    }
    buffers.push({ item: item.buffer, regions: item.regions.slice(1) });
  }
  return { lsn: transaction.lsn, buffers, inodes: transaction.inodes };
}
