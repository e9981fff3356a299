/**
 * All metadata extents of a file system, with kind and group, in order: to name a byte, to check a
 * bitmap, and to detect structures that claim the same block.
 */

import type { MapBuilder } from '../mapbuilder.js';
import { superblockError } from './superblock.js';
import { groupOfBlock } from './geometry.js';
import type { ExtGeometry } from './geometry.js';

export type MetadataKind =
  | 'boot block'
  | 'superblock'
  | 'group descriptors'
  | 'reserved group descriptors'
  | 'block bitmap'
  | 'inode bitmap'
  | 'inode table'
  | 'MMP block'
  | 'journal';

const kinds: readonly MetadataKind[] = [
  'boot block',
  'superblock',
  'group descriptors',
  'reserved group descriptors',
  'block bitmap',
  'inode bitmap',
  'inode table',
  'MMP block',
  'journal',
];

/** More pieces of metadata than this are refused: it bounds memory at some 200 MB. */
const maxExtents = 1 << 23;

/** The extents of all metadata. Add in any order, then `finish()`, then ask. */
export class MetadataIndex {
  readonly #geometry: ExtGeometry;
  #starts = new Float64Array(256);
  #ends = new Float64Array(256);
  #groups = new Uint32Array(256);
  #kinds = new Uint8Array(256);
  #count = 0;
  /** For each extent, the one that reaches furthest among it and those before; made by finish(). */
  #furthest = new Uint32Array(0);
  /** Per kind, the extent added last: the next group's structure often goes on where it ends. */
  readonly #last = new Int32Array(kinds.length).fill(-1);

  constructor(geometry: ExtGeometry) {
    this.#geometry = geometry;
  }

  /** Adds blocks; throws ParseError where a file system's metadata lies in too many pieces. */
  add(kind: MetadataKind, start: number, blocks: number, group: number): void {
    if (blocks <= 0) return;
    const kindNumber = kinds.indexOf(kind);
    const last = this.#last[kindNumber] ?? -1;
    if (last >= 0 && this.#ends[last] === start && this.#nextGroup(last) === group) {
      this.#ends[last] = start + blocks;
      return;
    }
    if (this.#count === this.#starts.length) this.#grow();
    this.#starts[this.#count] = start;
    this.#ends[this.#count] = start + blocks;
    this.#groups[this.#count] = group;
    this.#kinds[this.#count] = kindNumber;
    this.#last[kindNumber] = this.#count;
    this.#count++;
  }

  /** Sorts the extents. Calls `onOverlap` for each group whose metadata is claimed twice. */
  finish(onOverlap: (group: number) => void): void {
    this.#sort();
    this.#furthest = new Uint32Array(this.#count);
    let furthest = 0;
    for (let index = 1; index < this.#count; index++) {
      const start = this.#starts[index] ?? 0;
      const end = this.#ends[index] ?? 0;
      const furthestEnd = this.#ends[furthest] ?? 0;
      if (start < furthestEnd) {
        const last = Math.min(end, furthestEnd) - 1;
        this.#eachGroup(furthest, start, last, onOverlap);
        this.#eachGroup(index, start, last, onOverlap);
      }
      if (end > furthestEnd) furthest = index;
      this.#furthest[index] = furthest;
    }
  }

  /**
   * The blocks of metadata in `start` up to, not including, `end`, as extents in order of their
   * starts, which overlap where the file system is damaged.
   */
  *within(start: number, end: number): Generator<[start: number, end: number]> {
    let index = this.#firstFrom(start);
    const reach = this.#ends[this.#furthest[index - 1] ?? -1] ?? 0;
    if (reach > start) yield [start, Math.min(reach, end)];
    for (; index < this.#count; index++) {
      const from = this.#starts[index] ?? 0;
      if (from >= end) return;
      yield [from, Math.min(this.#ends[index] ?? 0, end)];
    }
  }

  /** The structure at `block` and its group; null if it is not metadata. */
  find(block: number): { kind: MetadataKind; group: number } | null {
    const last = this.#firstFrom(block + 1) - 1;
    for (const index of [last, this.#furthest[last] ?? -1]) {
      if (block < (this.#ends[index] ?? 0)) {
        return { kind: this.#kindAt(index), group: this.#groupAt(index, block) };
      }
    }
    return null;
  }

  /** Marks all of it on a map. */
  mark(builder: MapBuilder): void {
    const { blockBytes } = this.#geometry;
    for (let index = 0; index < this.#count; index++) {
      const start = this.#starts[index] ?? 0;
      const blocks = (this.#ends[index] ?? 0) - start;
      const reason = this.#kindAt(index) === 'journal' ? 'journal' : 'metadata';
      builder.mark(reason, start * blockBytes, blocks * blockBytes);
    }
  }

  #kindAt(index: number): MetadataKind {
    return kinds[this.#kinds[index] ?? 0] ?? 'boot block';
  }

  /** Blocks from one group's structure to the next one's in the same extent; 0 if groups do not share. */
  #stride(index: number): number {
    switch (this.#kindAt(index)) {
      case 'block bitmap':
      case 'inode bitmap':
        return 1;
      case 'inode table':
        return this.#geometry.inodeTableBlocks;
      default:
        return 0;
    }
  }

  #groupAt(index: number, block: number): number {
    const stride = this.#stride(index);
    const first = this.#groups[index] ?? 0;
    if (stride > 0) return first + Math.floor((block - (this.#starts[index] ?? 0)) / stride);
    return this.#kindAt(index) === 'journal'
      ? Math.max(0, groupOfBlock(this.#geometry, block))
      : first;
  }

  #nextGroup(index: number): number {
    return this.#stride(index) > 0 ? this.#groupAt(index, this.#ends[index] ?? 0) : -1;
  }

  #eachGroup(index: number, first: number, last: number, visit: (group: number) => void): void {
    const to = this.#groupAt(index, last);
    for (let group = this.#groupAt(index, first); group <= to; group++) visit(group);
  }

  /** The first extent that begins at `block` or later, by bisection. */
  #firstFrom(block: number): number {
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#starts[middle] ?? 0) >= block) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #grow(): void {
    if (this.#count >= maxExtents) {
      throw superblockError('UNSUPPORTED', `metadata lies in more than ${maxExtents} pieces`);
    }
    const capacity = this.#count * 2;
    this.#starts = enlarged(this.#starts, new Float64Array(capacity));
    this.#ends = enlarged(this.#ends, new Float64Array(capacity));
    this.#groups = enlarged(this.#groups, new Uint32Array(capacity));
    this.#kinds = enlarged(this.#kinds, new Uint8Array(capacity));
  }

  #sort(): void {
    const order = new Uint32Array(this.#count).map((_, index) => index);
    const starts = this.#starts;
    order.sort((a, b) => (starts[a] as number) - (starts[b] as number));
    this.#starts = permuted(order, this.#starts, new Float64Array(this.#count));
    this.#ends = permuted(order, this.#ends, new Float64Array(this.#count));
    this.#groups = permuted(order, this.#groups, new Uint32Array(this.#count));
    this.#kinds = permuted(order, this.#kinds, new Uint8Array(this.#count));
  }
}

type Column = Float64Array | Uint32Array | Uint8Array;

function enlarged<C extends Column>(from: C, to: C): C {
  to.set(from);
  return to;
}

function permuted<C extends Column>(order: Uint32Array, from: C, to: C): C {
  for (let index = 0; index < order.length; index++) {
    to[index] = from[order[index] as number] as number;
  }
  return to;
}
