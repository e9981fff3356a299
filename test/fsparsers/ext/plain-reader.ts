/**
 * Reads an ext image in the plainest way, block by block into sets, for what its structures prove
 * used, and for groups whose structures contradict each other, so that nothing in them is proved free.
 */

import { crc32c } from '../../../fsparsers/checksum.js';
import { ParseError } from '../../../fsparsers/errors.js';
import { decodeDescriptor } from '../../../fsparsers/ext/descriptors.js';
import { geometryOf } from '../../../fsparsers/ext/geometry.js';
import type { ExtGeometry } from '../../../fsparsers/ext/geometry.js';
import { decodeSuperblock } from '../../../fsparsers/ext/superblock.js';

/** Block number to why it must not be called free; null where the image has no plain geometry. */
export function provedBlocks(
  bytes: Buffer,
): { blockBytes: number; why: ReadonlyMap<number, string> } | null {
  const geometry = plainGeometry(bytes);
  if (geometry === null) return null;
  return { blockBytes: geometry.blockBytes, why: new PlainReader(bytes, geometry).provedUsed() };
}

/** The groups, of the few there are here, that hold backups under sparse_super. */
const backups = [0, 1, 3, 5, 7, 9, 25, 27, 49];

class PlainReader {
  readonly #bytes: Buffer;
  readonly #geometry: ExtGeometry;
  readonly #why = new Map<number, string>();
  /** Metadata block to the group that claims it. */
  readonly #owners = new Map<number, number>();
  readonly #doubts = new Map<number, string>();

  constructor(bytes: Buffer, geometry: ExtGeometry) {
    this.#bytes = bytes;
    this.#geometry = geometry;
  }

  provedUsed(): ReadonlyMap<number, string> {
    const { blockBytes, descriptorBytes, groupsCount } = this.#geometry;
    const table = this.#table();
    this.#prove(0, table, 'superblock');
    const tableEnd = table * blockBytes + groupsCount * descriptorBytes;
    // Where descriptors lie under meta_bg is not plain.
    if (this.#geometry.has('meta_bg') || tableEnd > this.#bytes.length) return this.#why;
    for (const group of backups) if (group < groupsCount) this.#claimBackups(group);
    for (let group = 0; group < groupsCount; group++) this.#readPlaces(group);
    for (let group = 0; group < groupsCount; group++) this.#readBitmap(group);
    for (const [group, doubt] of this.#doubts) {
      const [first, end] = this.#blocksOf(group);
      this.#prove(first, end - first, `group ${group}: ${doubt}`);
    }
    return this.#why;
  }

  #table(): number {
    return this.#geometry.blockBytes === 1024 ? 2 : 1;
  }

  #blocksOf(group: number): [first: number, end: number] {
    const { firstDataBlock, blocksPerGroup, blocksCount } = this.#geometry;
    const first = firstDataBlock + group * blocksPerGroup;
    return [first, Math.min(first + blocksPerGroup, blocksCount)];
  }

  #prove(first: number, count: number, why: string): void {
    for (let block = first; block < first + count; block++) this.#why.set(block, why);
  }

  #claim(block: number, group: number): void {
    const other = this.#owners.get(block);
    if (other !== undefined) {
      this.#doubts.set(group, `claims block ${block} of group ${other}`);
      this.#doubts.set(other, `claims block ${block} of group ${group}`);
    }
    this.#owners.set(block, group);
    this.#prove(block, 1, `metadata of group ${group}`);
  }

  /** The copies of superblock and descriptors, and the room kept for more of these. */
  #claimBackups(group: number): void {
    const { has, descriptorBlocks, reservedGdtBlocks } = this.#geometry;
    if (!has('sparse_super') || has('sparse_super2')) return;
    const [first, end] = group === 0 ? [this.#table(), Infinity] : this.#blocksOf(group);
    const blocks = descriptorBlocks + reservedGdtBlocks + (group === 0 ? 0 : 1);
    for (let nth = 0; nth < blocks && first + nth < end; nth++) this.#claim(first + nth, group);
  }

  #descriptor(group: number) {
    const { blockBytes, descriptorBytes } = this.#geometry;
    const at = this.#table() * blockBytes + group * descriptorBytes;
    return decodeDescriptor(this.#geometry, group, this.#bytes, at);
  }

  #readPlaces(group: number): void {
    const { blockBitmap, inodeBitmap, inodeTable, checksumHolds } = this.#descriptor(group);
    if (!checksumHolds) {
      this.#doubts.set(group, 'descriptor checksum');
      return;
    }
    const isFlexible = this.#geometry.has('flex_bg');
    const [first, end] = this.#blocksOf(group);
    const lowest = isFlexible ? this.#table() : first;
    const highest = isFlexible ? this.#geometry.blocksCount : end;
    const claims = [blockBitmap, inodeBitmap];
    for (let nth = 0; nth < this.#geometry.inodeTableBlocks; nth++) claims.push(inodeTable + nth);
    if (claims.every((block) => block >= lowest && block < highest)) {
      for (const block of claims) this.#claim(block, group);
    } else {
      this.#doubts.set(group, 'metadata out of bounds');
    }
  }

  #readBitmap(group: number): void {
    if (this.#doubts.has(group)) return;
    const { blockBytes, blocksPerCluster, clustersPerGroup, checksumSeed } = this.#geometry;
    const descriptor = this.#descriptor(group);
    const at = descriptor.blockBitmap * blockBytes;
    const bitmap = this.#bytes.subarray(at, at + blockBytes);
    const [first, end] = this.#blocksOf(group);
    const usedByMetadata = new Set<number>();
    let free = 0;
    for (let block = first; block < end; block++) {
      const bit = Math.floor((block - first) / blocksPerCluster);
      const isSet = (((bitmap[bit >>> 3] ?? 0) >>> (bit & 7)) & 1) === 1;
      if (descriptor.blockUninit) {
        if (this.#owners.has(block)) usedByMetadata.add(bit);
        continue;
      }
      if (isSet) this.#prove(block, 1, `group ${group} bit ${bit}`);
      else if (this.#owners.has(block)) this.#doubts.set(group, `block ${block} is metadata`);
      if (!isSet && (block - first) % blocksPerCluster === 0) free++;
    }
    if (descriptor.blockUninit) {
      if (!this.#geometry.has('sparse_super') || this.#geometry.has('sparse_super2')) return;
      free = Math.ceil((end - first) / blocksPerCluster) - usedByMetadata.size;
    }
    if (free !== descriptor.freeClusters) this.#doubts.set(group, 'free count');
    if (!this.#geometry.has('metadata_csum') || descriptor.blockUninit) return;
    const sum = crc32c(checksumSeed, bitmap.subarray(0, clustersPerGroup >>> 3));
    const mask = this.#geometry.has('64bit') ? 0xffffffff : 0xffff;
    if ((sum & mask) >>> 0 !== descriptor.blockBitmapChecksum) {
      this.#doubts.set(group, 'bitmap checksum');
    }
  }
}

function plainGeometry(bytes: Buffer): ExtGeometry | null {
  try {
    return geometryOf(decodeSuperblock(bytes, 1024), bytes.length);
  } catch (error) {
    if (error instanceof ParseError || error instanceof RangeError) return null;
    throw error;
  }
}
