/** Reads blocks of the log by their number, in large runs, wherever the journal's pieces lie. */

import { ParseError } from '../../errors.js';
import { readStructure } from '../../reader.js';
import type { ByteReader } from '../../reader.js';

/** A run of consecutive journal blocks. */
export interface LogExtent {
  readonly logBlock: number;
  readonly offsetBytes: number;
  readonly blocks: number;
}

/** Where a journal lies: on the file system's own device, or on one of its own. */
export interface JournalVolume {
  readonly reader: ByteReader;
  readonly blockBytes: number;
  /** In order of `logBlock`, not overlapping; a gap is a hole in the journal's file. */
  readonly extents: readonly LogExtent[];
}

const minAheadBytes = 64 * 1024;
const maxAheadBytes = 1024 * 1024;

interface Window {
  readonly logBlock: number;
  readonly blocks: number;
  readonly bytes: Uint8Array;
}

/** Random access to the log's blocks, fast when they are read in order. */
export class LogReader {
  readonly #volume: JournalVolume;
  readonly #totalBlocks: number;
  readonly #signal: AbortSignal | undefined;
  #window: Window = { logBlock: 0, blocks: 0, bytes: new Uint8Array() };
  #aheadBytes = minAheadBytes;

  /** `totalBlocks` is the journal's length; `signal` stops the work between two reads. */
  constructor(volume: JournalVolume, totalBlocks: number, signal?: AbortSignal) {
    this.#volume = volume;
    this.#totalBlocks = totalBlocks;
    this.#signal = signal;
  }

  /** One block. Rejects with ParseError for a block behind the journal's end or in a hole. */
  async read(logBlock: number): Promise<Uint8Array> {
    const { logBlock: first, blocks } = this.#window;
    const held = logBlock >= first && logBlock < first + blocks;
    const window = held ? this.#window : await this.#fill(logBlock);
    const { blockBytes } = this.#volume;
    const at = (logBlock - window.logBlock) * blockBytes;
    return window.bytes.subarray(at, at + blockBytes);
  }

  /** Where a block lies on the journal's device, in bytes. Throws as read() does. */
  offsetOf(logBlock: number): number {
    return this.#locate(logBlock).offsetBytes;
  }

  async #fill(logBlock: number): Promise<Window> {
    this.#signal?.throwIfAborted();
    const { blockBytes, reader } = this.#volume;
    const { offsetBytes, blocks: contiguous } = this.#locate(logBlock);
    const sequential = logBlock === this.#window.logBlock + this.#window.blocks;
    this.#aheadBytes = sequential ? Math.min(2 * this.#aheadBytes, maxAheadBytes) : minAheadBytes;
    const onDevice = Math.floor((reader.sizeBytes - offsetBytes) / blockBytes);
    const blocks = Math.max(1, Math.min(this.#aheadBytes / blockBytes, contiguous, onDevice));
    const structure = `journal block ${logBlock}`;
    const bytes = await readStructure(reader, structure, offsetBytes, blocks * blockBytes);
    this.#window = { logBlock, blocks, bytes };
    return this.#window;
  }

  #locate(logBlock: number): { offsetBytes: number; blocks: number } {
    if (logBlock >= this.#totalBlocks) {
      throw outside(this.#volume, logBlock, `the journal has ${this.#totalBlocks} blocks`);
    }
    const { offsetBytes, blocks } = locate(this.#volume, logBlock);
    return { offsetBytes, blocks: Math.min(blocks, this.#totalBlocks - logBlock) };
  }
}

/** Where a journal block lies, and how many lie together from there on. Throws ParseError for a hole. */
export function locate(
  volume: JournalVolume,
  logBlock: number,
): { offsetBytes: number; blocks: number } {
  const extent = volume.extents[lastAtOrBefore(volume.extents, logBlock)];
  const into = extent === undefined ? 0 : logBlock - extent.logBlock;
  if (extent === undefined || into >= extent.blocks) {
    throw outside(volume, logBlock, 'the journal has a hole there');
  }
  const offsetBytes = extent.offsetBytes + into * volume.blockBytes;
  return { offsetBytes, blocks: extent.blocks - into };
}

function outside({ extents }: JournalVolume, logBlock: number, what: string): ParseError {
  const offsetBytes = extents[0]?.offsetBytes ?? 0;
  return new ParseError('CORRUPT', what, { structure: `journal block ${logBlock}`, offsetBytes });
}

function lastAtOrBefore(extents: readonly LogExtent[], logBlock: number): number {
  let low = 0;
  let high = extents.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((extents[middle]?.logBlock ?? Infinity) <= logBlock) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
