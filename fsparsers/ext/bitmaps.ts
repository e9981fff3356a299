/** Turns block bitmaps into marks on the map. A bitmap must be proved correct before its free blocks count. */

import { visitBitRuns } from '../bitmap.js';
import { crc32c } from '../checksum.js';
import { gather } from '../gather.js';
import type { ByteReader } from '../reader.js';
import type { MapBuilder } from '../mapbuilder.js';
import type { Reason } from '../reason.js';
import { blockBitmapChecksumBits } from './descriptors.js';
import { groupEnd, groupStart } from './geometry.js';
import type { ExtGeometry } from './geometry.js';
import type { GroupTable } from './groups.js';

/** Groups whose bitmaps are asked for together. */
const groupsPerBatch = 4096;

/**
 * How far to trust a file system's bitmaps. `proved`: blocks that they mark free are free, if the group
 * passes every check; a group that does not is unknown and added to the table's faults. `used only`:
 * blocks that they mark used are used, and nothing else follows; for the state before the journal's
 * replay, where counts and bitmaps need not agree.
 */
export type Belief = 'proved' | 'used only';

/** Reads the bitmaps of all groups and marks `builder`. Checks `signal` between reads. */
export async function markGroups(
  reader: ByteReader,
  table: GroupTable,
  builder: MapBuilder,
  belief: Belief,
  signal?: AbortSignal,
): Promise<void> {
  const { geometry } = table;
  const marker = new GroupMarker(table, builder, belief);
  for (let first = 0; first < geometry.groupsCount; first += groupsPerBatch) {
    const end = Math.min(first + groupsPerBatch, geometry.groupsCount);
    const pieces = [];
    for (let group = first; group < end; group++) {
      if (table.faults.has(group) || table.blockUninit[group] === 1) {
        marker.markWithoutBitmap(group);
        continue;
      }
      const offsetBytes = (table.blockBitmap[group] ?? 0) * geometry.blockBytes;
      pieces.push({ group, offsetBytes, lengthBytes: geometry.blockBytes });
    }
    for await (const { piece, bytes } of gather(reader, pieces, signal)) {
      marker.markFromBitmap(piece.group, bytes);
    }
  }
}

class GroupMarker {
  readonly #table: GroupTable;
  readonly #geometry: ExtGeometry;
  readonly #builder: MapBuilder;
  readonly #belief: Belief;
  /** First bit of each free run of the group at hand, and of the used run after it. */
  readonly #edges: Uint32Array;

  constructor(table: GroupTable, builder: MapBuilder, belief: Belief) {
    this.#table = table;
    this.#geometry = table.geometry;
    this.#builder = builder;
    this.#belief = belief;
    this.#edges = new Uint32Array(table.geometry.clustersPerGroup + 2);
  }

  /** A group that is known to be bad, or whose bitmap was never written. */
  markWithoutBitmap(group: number): void {
    if (this.#belief === 'used only') return;
    const { faults, freeClusters } = this.#table;
    if (!faults.has(group) && this.#computedFree(group) !== freeClusters[group]) {
      faults.add(group, 'FREE_COUNT');
    }
    if (faults.has(group)) {
      this.#markBlocks(
        'unknown',
        groupStart(this.#geometry, group),
        groupEnd(this.#geometry, group),
      );
      return;
    }
    // Only between metadata: an owner of metadata blocks contradicts nothing.
    let used = 0;
    for (const [from, to] of this.#metadataClusters(group)) {
      this.#markClusters('free', group, used, from);
      this.#markClusters('data', group, from, to);
      used = Math.max(used, to);
    }
    this.#markClusters('free', group, used, this.#clustersIn(group));
  }

  markFromBitmap(group: number, bitmap: Uint8Array): void {
    const { faults } = this.#table;
    const clusters = this.#clustersIn(group);
    let count = 0;
    let free = 0;
    visitBitRuns(bitmap, clusters, (first, length, isSet) => {
      if (isSet) return;
      this.#edges[count++] = first;
      this.#edges[count++] = first + length;
      free += length;
    });
    if (this.#belief === 'proved') {
      this.#check(group, bitmap, free);
      if (faults.has(group)) {
        this.#markBlocks(
          'unknown',
          groupStart(this.#geometry, group),
          groupEnd(this.#geometry, group),
        );
        return;
      }
    }
    let used = 0;
    for (let edge = 0; edge < count; edge += 2) {
      const from = this.#edges[edge] ?? 0;
      const to = this.#edges[edge + 1] ?? 0;
      this.#markClusters('data', group, used, from);
      if (this.#belief === 'proved') this.#markClusters('free', group, from, to);
      used = to;
    }
    this.#markClusters('data', group, used, clusters);
  }

  #check(group: number, bitmap: Uint8Array, free: number): void {
    const { faults, freeClusters } = this.#table;
    if (!this.#checksumHolds(group, bitmap)) faults.add(group, 'BITMAP_CHECKSUM');
    else if (free !== freeClusters[group]) faults.add(group, 'FREE_COUNT');
    else if (free > 0 && !this.#metadataIsUsed(group, bitmap)) faults.add(group, 'METADATA_FREE');
  }

  /** Kernel: ext4_block_bitmap_csum_verify. The checksum covers a full group's bits, always. */
  #checksumHolds(group: number, bitmap: Uint8Array): boolean {
    const geometry = this.#geometry;
    if (!geometry.has('metadata_csum')) return true;
    const covered = bitmap.subarray(0, geometry.clustersPerGroup >>> 3);
    const computed = crc32c(geometry.checksumSeed, covered);
    const stored = this.#table.blockBitmapChecksum[group] ?? 0;
    return blockBitmapChecksumBits(geometry) === 32
      ? computed === stored
      : (computed & 0xffff) === stored;
  }

  #metadataIsUsed(group: number, bitmap: Uint8Array): boolean {
    for (const [from, to] of this.#metadataClusters(group)) {
      if (hasClearBit(bitmap, from, to)) return false;
    }
    return true;
  }

  /** The free clusters of a group that holds only metadata. */
  #computedFree(group: number): number {
    let free = this.#clustersIn(group);
    for (const [from, to] of this.#metadataClusters(group)) free -= to - from;
    return free;
  }

  /** The clusters of a group that metadata touches, as bits of its bitmap, in order and disjoint. */
  *#metadataClusters(group: number): Generator<[from: number, to: number]> {
    const { blocksPerCluster } = this.#geometry;
    const groupFirst = groupStart(this.#geometry, group);
    let done = 0;
    const groupLast = groupEnd(this.#geometry, group);
    for (const [start, end] of this.#table.metadata.within(groupFirst, groupLast)) {
      const from = Math.max(done, Math.floor((start - groupFirst) / blocksPerCluster));
      const to = Math.ceil((end - groupFirst) / blocksPerCluster);
      if (to > from) yield [from, to];
      done = Math.max(done, to);
    }
  }

  #clustersIn(group: number): number {
    const blocks = groupEnd(this.#geometry, group) - groupStart(this.#geometry, group);
    return Math.ceil(blocks / this.#geometry.blocksPerCluster);
  }

  #markClusters(reason: Reason, group: number, from: number, to: number): void {
    const { blocksPerCluster } = this.#geometry;
    const first = groupStart(this.#geometry, group);
    const end = Math.min(first + to * blocksPerCluster, groupEnd(this.#geometry, group));
    this.#markBlocks(reason, first + from * blocksPerCluster, end);
  }

  #markBlocks(reason: Reason, start: number, end: number): void {
    const { blockBytes } = this.#geometry;
    this.#builder.mark(reason, start * blockBytes, (end - start) * blockBytes);
  }
}

function hasClearBit(bytes: Uint8Array, from: number, to: number): boolean {
  let bit = from;
  while (bit < to) {
    const byte = bytes[bit >>> 3] ?? 0;
    if (byte === 0xff && (bit & 7) === 0) {
      bit += 8;
      continue;
    }
    if (((byte >>> (bit & 7)) & 1) === 0) return true;
    bit++;
  }
  return false;
}
