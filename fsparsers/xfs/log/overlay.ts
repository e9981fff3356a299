/** The device with replayed chunks laid over it: what the kernel would read after recovery. */

import type { ByteReader } from '../../reader.js';
import type { LogPlace, MetadataView } from '../view.js';
import { chunkBytes } from './items.js';

const slabChunks = 4096;
/** Chunks are looked up one by one only in pages that hold some. */
const pageChunks = 128;

/** Replayed chunks in slabs of memory, found by their number on the device. */
export class Overlay implements MetadataView {
  readonly newest: LogPlace | null;
  readonly #reader: ByteReader;
  readonly #slots = new Map<number, number>();
  readonly #pages = new Set<number>();
  readonly #slabs: Uint8Array[] = [];

  constructor(reader: ByteReader, newest: LogPlace | null) {
    this.#reader = reader;
    this.newest = newest;
  }

  get sizeBytes(): number {
    return this.#reader.sizeBytes;
  }

  /** Memory taken by chunks, in bytes. */
  get heldBytes(): number {
    return this.#slots.size * chunkBytes;
  }

  /** Lays bytes over the device; both place and length are whole chunks. */
  write(offsetBytes: number, bytes: Uint8Array): void {
    const first = offsetBytes / chunkBytes;
    for (let index = 0; index < bytes.length / chunkBytes; index++) {
      const chunk = bytes.subarray(index * chunkBytes, (index + 1) * chunkBytes);
      this.#slot(first + index).set(chunk);
      this.#pages.add(Math.floor((first + index) / pageChunks));
    }
  }

  async read(offsetBytes: number, lengthBytes: number): Promise<Uint8Array> {
    const bytes = await this.#reader.read(offsetBytes, lengthBytes);
    const patches = [...this.#chunksIn(offsetBytes, lengthBytes)];
    if (patches.length === 0) return bytes;
    const patched = new Uint8Array(bytes);
    for (const chunk of patches) {
      const from = Math.max(chunk * chunkBytes, offsetBytes);
      const to = Math.min((chunk + 1) * chunkBytes, offsetBytes + lengthBytes);
      const slot = this.#slot(chunk);
      patched.set(
        slot.subarray(from - chunk * chunkBytes, to - chunk * chunkBytes),
        from - offsetBytes,
      );
    }
    return patched;
  }

  isReplayed(offsetBytes: number, lengthBytes: number): boolean {
    return this.#chunksIn(offsetBytes, lengthBytes).next().done !== true;
  }

  *#chunksIn(offsetBytes: number, lengthBytes: number): Generator<number> {
    const first = Math.floor(offsetBytes / chunkBytes);
    const end = Math.ceil((offsetBytes + lengthBytes) / chunkBytes);
    for (let page = Math.floor(first / pageChunks); page * pageChunks < end; page++) {
      if (!this.#pages.has(page)) continue;
      const last = Math.min(end, (page + 1) * pageChunks);
      for (let chunk = Math.max(first, page * pageChunks); chunk < last; chunk++) {
        if (this.#slots.has(chunk)) yield chunk;
      }
    }
  }

  #slot(chunk: number): Uint8Array {
    let slot = this.#slots.get(chunk);
    if (slot === undefined) {
      slot = this.#slots.size;
      this.#slots.set(chunk, slot);
      if (slot % slabChunks === 0) this.#slabs.push(new Uint8Array(slabChunks * chunkBytes));
    }
    const slab = this.#slabs[Math.floor(slot / slabChunks)] ?? new Uint8Array(0);
    const at = (slot % slabChunks) * chunkBytes;
    return slab.subarray(at, at + chunkBytes);
  }
}
