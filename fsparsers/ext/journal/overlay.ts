/** Shows a volume as it will be after replay: reads go to the log where it replaces a block. */

import { gather } from '../../gather.js';
import type { ByteReader } from '../../reader.js';
import { journalMagic } from './layout.js';
import { locate } from './log.js';
import type { JournalVolume } from './log.js';

const placedBit = 1;
const escapedBit = 2;

/** Which file system blocks the log replaces, and with which of its blocks: 13 bytes a block. */
export class BlockOverlay {
  readonly #targets: Float64Array;
  readonly #sources: Uint32Array;
  readonly #flags: Uint8Array;

  /** `targets` are distinct and ascending; none of them is replaced until place() says so. */
  constructor(targets: Float64Array) {
    this.#targets = targets;
    this.#sources = new Uint32Array(targets.length);
    this.#flags = new Uint8Array(targets.length);
  }

  get length(): number {
    return this.#targets.length;
  }

  /** The slot of a block, or -1. */
  find(target: number): number {
    const slot = this.firstFrom(target);
    return this.#targets[slot] === target ? slot : -1;
  }

  /** The slot of the first block at or behind `target`. */
  firstFrom(target: number): number {
    let low = 0;
    let high = this.#targets.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#targets[middle] as number) < target) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  place(slot: number, source: number, escaped: boolean): void {
    this.#sources[slot] = source;
    this.#flags[slot] = placedBit | (escaped ? escapedBit : 0);
  }

  /** Only the blocks that were placed. */
  placed(): BlockOverlay {
    const isPlaced = (_: number, slot: number) => this.#flags[slot] !== 0;
    const kept = new BlockOverlay(this.#targets.filter(isPlaced));
    kept.#sources.set(this.#sources.filter(isPlaced));
    kept.#flags.set(this.#flags.filter(isPlaced));
    return kept;
  }

  at(slot: number): { target: number; source: number; escaped: boolean } {
    return {
      target: this.#targets[slot] as number,
      source: this.#sources[slot] as number,
      escaped: ((this.#flags[slot] as number) & escapedBit) !== 0,
    };
  }
}

/** The volume after replay. Holds the table of replaced blocks, not their contents. */
export class OverlayReader implements ByteReader {
  readonly #base: ByteReader;
  readonly #blocks: BlockOverlay;
  readonly #journal: JournalVolume;

  constructor(base: ByteReader, blocks: BlockOverlay, journal: JournalVolume) {
    this.#base = base;
    this.#blocks = blocks;
    this.#journal = journal;
  }

  get sizeBytes(): number {
    return this.#base.sizeBytes;
  }

  async read(offsetBytes: number, lengthBytes: number): Promise<Uint8Array> {
    const bytes = await this.#base.read(offsetBytes, lengthBytes);
    const replaced = this.#replacedIn(offsetBytes, offsetBytes + bytes.length);
    for await (const { piece, bytes: logged } of gather(this.#journal.reader, replaced)) {
      const contents = piece.escaped ? unescaped(logged) : logged;
      const at = piece.target * this.#journal.blockBytes - offsetBytes;
      const shown = contents.subarray(Math.max(0, -at), bytes.length - at);
      bytes.set(shown, Math.max(0, at));
    }
    return bytes;
  }

  #replacedIn(startBytes: number, endBytes: number) {
    const { blockBytes } = this.#journal;
    const replaced = [];
    let slot = this.#blocks.firstFrom(Math.floor(startBytes / blockBytes));
    for (; slot < this.#blocks.length; slot++) {
      const { target, source, escaped } = this.#blocks.at(slot);
      if (target * blockBytes >= endBytes) break;
      const { offsetBytes } = locate(this.#journal, source);
      replaced.push({ offsetBytes, lengthBytes: blockBytes, target, escaped });
    }
    return replaced;
  }
}

function unescaped(logged: Uint8Array): Uint8Array {
  const original = new Uint8Array(logged);
  new DataView(original.buffer).setUint32(0, journalMagic);
  return original;
}
