/**
 * Where a file's blocks lie: through an extent tree, or through direct and indirect blocks.
 *
 * Sources: Linux fs/ext4/extents.c, fs/ext4/indirect.c, Documentation/filesystems/ext4/ifork.rst.
 */

import { crc32c } from '../checksum.js';
import { ParseError } from '../errors.js';
import { readStructure } from '../reader.js';
import type { ByteReader } from '../reader.js';
import { decodeExtentNode } from './extents.js';
import type { Extent, ExtentNode } from './extents.js';
import type { ExtGeometry } from './geometry.js';
import { inodeChecksumSeed, inodeFlags } from './inode.js';
import type { Inode } from './inode.js';

export interface BlockMap {
  /** In order of logical block, not overlapping; gaps are holes. */
  readonly extents: readonly Extent[];
  /** The blocks that hold the mapping itself: extent nodes, indirect blocks. */
  readonly nodes: readonly number[];
}

/** Limits for time and memory; no real journal comes near them. */
const maxExtents = 1 << 18;
const maxNodes = 1 << 16;

const directBlocks = 12;
const indirectLevels = 3;

/** Maps all of an inode's blocks. Rejects with ParseError where the mapping cannot be one. */
export async function mapBlocks(
  reader: ByteReader,
  geometry: ExtGeometry,
  inode: Inode,
): Promise<BlockMap> {
  const mapping = new Mapping(reader, geometry, inode);
  if ((inode.flags & inodeFlags.inlineData) !== 0) throw mapping.damage('has its data inline');
  if ((inode.flags & inodeFlags.extents) !== 0) await mapping.addExtentRoot();
  else await mapping.addIndirectRoot();
  return mapping;
}

class Mapping implements BlockMap {
  readonly extents: Extent[] = [];
  readonly nodes: number[] = [];
  readonly #reader: ByteReader;
  readonly #geometry: ExtGeometry;
  readonly #inode: Inode;
  /** The first logical block that is not mapped yet; it only grows. */
  #mapped = 0;

  constructor(reader: ByteReader, geometry: ExtGeometry, inode: Inode) {
    this.#reader = reader;
    this.#geometry = geometry;
    this.#inode = inode;
  }

  async addExtentRoot(): Promise<void> {
    const root = decodeExtentNode(this.#inode.block);
    if (typeof root === 'string') throw this.damage(root);
    await this.#addNode(root, 2 ** 32);
  }

  /** Adds what a node maps; its children are one level less deep, and lie before `endLogical`. */
  async #addNode(node: ExtentNode, endLogical: number): Promise<void> {
    if ('extents' in node) {
      for (const extent of node.extents) {
        if (extent.logical + extent.blocks > endLogical) {
          throw this.damage(`logical block ${extent.logical} is out of its node's range`);
        }
        this.#add(extent);
      }
      return;
    }
    for (const [nth, { logical, physical }] of node.children.entries()) {
      const next = node.children[nth + 1]?.logical ?? endLogical;
      if (logical < this.#mapped || next <= logical) throw this.damage('index is out of order');
      const child = await this.#readNode(physical, node.depth - 1);
      await this.#addNode(child, next);
    }
  }

  async #readNode(block: number, depth: number): Promise<ExtentNode> {
    const bytes = await this.#readMappingBlock(block);
    const node = decodeExtentNode(bytes);
    if (typeof node === 'string') throw this.damage(node, block);
    if (node.depth !== depth) throw this.damage(`depth is ${node.depth}, not ${depth}`, block);
    if (this.#geometry.has('metadata_csum') && !this.#tailHolds(bytes, node.tailAt)) {
      throw this.damage('checksum does not match', block);
    }
    return node;
  }

  #tailHolds(bytes: Uint8Array, tailAt: number): boolean {
    if (tailAt + 4 > bytes.length) return false;
    const sum = crc32c(inodeChecksumSeed(this.#geometry, this.#inode), bytes.subarray(0, tailAt));
    return view(bytes).getUint32(tailAt, true) === sum;
  }

  async addIndirectRoot(): Promise<void> {
    const pointers = view(this.#inode.block);
    for (let nth = 0; nth < directBlocks; nth++)
      this.#addPointer(pointers.getUint32(4 * nth, true));
    for (let level = 1; level <= indirectLevels; level++) {
      await this.#addIndirect(pointers.getUint32(4 * (directBlocks - 1 + level), true), level);
    }
  }

  /** Adds what an indirect block maps, `level` levels above the data. */
  async #addIndirect(block: number, level: number): Promise<void> {
    const perBlock = this.#geometry.blockBytes / 4;
    if (block === 0 || this.#mapped >= this.#sizeBlocks) {
      this.#mapped += perBlock ** level;
      return;
    }
    const pointers = view(await this.#readMappingBlock(block));
    for (let nth = 0; nth < perBlock; nth++) {
      const pointer = pointers.getUint32(4 * nth, true);
      if (level === 1) this.#addPointer(pointer);
      else await this.#addIndirect(pointer, level - 1);
    }
  }

  #addPointer(physical: number): void {
    const logical = this.#mapped;
    if (physical === 0 || logical >= this.#sizeBlocks) this.#mapped++;
    else this.#add({ logical, physical, blocks: 1, unwritten: false });
  }

  get #sizeBlocks(): number {
    return Math.ceil(this.#inode.sizeBytes / this.#geometry.blockBytes);
  }

  #add(extent: Extent): void {
    const { logical, physical, blocks } = extent;
    if (logical < this.#mapped) throw this.damage(`logical block ${logical} is out of order`);
    this.#demandInside(physical, blocks);
    this.#mapped = logical + blocks;
    const last = this.extents.at(-1);
    const follows =
      last !== undefined &&
      last.logical + last.blocks === logical &&
      last.physical + last.blocks === physical &&
      last.unwritten === extent.unwritten;
    if (follows) this.extents[this.extents.length - 1] = { ...last, blocks: last.blocks + blocks };
    else this.extents.push(extent);
    if (this.extents.length > maxExtents) throw this.damage(`has more than ${maxExtents} extents`);
  }

  async #readMappingBlock(block: number): Promise<Uint8Array> {
    this.#demandInside(block, 1);
    this.nodes.push(block);
    if (this.nodes.length > maxNodes) throw this.damage(`has more than ${maxNodes} index blocks`);
    const { blockBytes } = this.#geometry;
    return readStructure(this.#reader, this.#nodeName, block * blockBytes, blockBytes);
  }

  #demandInside(physical: number, blocks: number): void {
    const { firstDataBlock, blocksCount } = this.#geometry;
    // Block 0 is never a file's, even where it is the first of group 0.
    const inside = physical > 0 && physical >= firstDataBlock && physical + blocks <= blocksCount;
    if (!inside || blocks === 0) {
      throw this.damage(`refers to ${blocks} blocks from block ${physical} on`);
    }
  }

  get #nodeName(): string {
    return `block map of inode ${this.#inode.number}`;
  }

  damage(what: string, block?: number): ParseError {
    const offsetBytes =
      block === undefined ? this.#inode.offsetBytes : block * this.#geometry.blockBytes;
    return new ParseError('CORRUPT', what, { structure: this.#nodeName, offsetBytes });
  }
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
