/** The log as a ring of 512-byte basic blocks, read in large windows. */

import type { ByteReader } from '../../reader.js';
import { viewOf } from '../bytes.js';

export const basicBlockBytes = 512; // BBSIZE
export const recordMagic = 0xfeedbabe; // XLOG_HEADER_MAGIC_NUM
const windowBlocks = 2048;

/** Basic blocks that hold so many bytes. */
export function basicBlocks(lengthBytes: number): number {
  return Math.ceil(lengthBytes / basicBlockBytes);
}

export class LogBlocks {
  readonly #reader: ByteReader;
  readonly #startBytes: number;
  /** Basic blocks in the ring. */
  readonly count: number;
  #window: Uint8Array = new Uint8Array(0);
  #windowFirst = 0;

  constructor(reader: ByteReader, startBytes: number, lengthBytes: number) {
    this.#reader = reader;
    this.#startBytes = startBytes;
    this.count = Math.floor(lengthBytes / basicBlockBytes);
  }

  /** Reads blocks that do not wrap; callers stay within the ring. The bytes are shared: do not write. */
  async read(first: number, count: number): Promise<Uint8Array> {
    if (first < 0 || count < 0 || first + count > this.count) {
      throw new RangeError(`log blocks ${first}+${count} of ${this.count}`);
    }
    const windowEnd = this.#windowFirst + this.#window.length / basicBlockBytes;
    if (first < this.#windowFirst || first + count > windowEnd) {
      const wanted = Math.min(Math.max(count, windowBlocks), this.count - first);
      this.#window = await this.#read(first, wanted);
      this.#windowFirst = first;
    }
    const at = (first - this.#windowFirst) * basicBlockBytes;
    return this.#window.subarray(at, at + count * basicBlockBytes);
  }

  /** Reads blocks that may run over the ring's end, into bytes of the caller's own. */
  async readWrapped(first: number, count: number): Promise<Uint8Array> {
    const start = first % this.count;
    const before = Math.min(count, this.count - start);
    const bytes = new Uint8Array(count * basicBlockBytes);
    bytes.set(await this.read(start, before));
    if (before < count) bytes.set(await this.read(0, count - before), before * basicBlockBytes);
    return bytes;
  }

  /** The cycle number stamped on one block, without disturbing the window. */
  async cycleOf(block: number): Promise<number> {
    return cycleIn(await this.#read(block, 1), 0);
  }

  #read(first: number, count: number): Promise<Uint8Array> {
    return this.#reader.read(this.#startBytes + first * basicBlockBytes, count * basicBlockBytes);
  }
}

/** xlog_get_cycle(): a block's first word, or its second where the first is the record magic. */
export function cycleIn(bytes: Uint8Array, at: number): number {
  const view = viewOf(bytes);
  const first = view.getUint32(at);
  return first === recordMagic ? view.getUint32(at + 4) : first;
}
