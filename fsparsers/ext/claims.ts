/**
 * Claims the blocks that inodes own: those of their files, of the mappings themselves, and of extended
 * attributes. It reads mappings in waves, so that their blocks come in few large reads. It reports
 * damaged mappings and still counts intact ones.
 */

import { crc32c } from '../checksum.js';
import type { OwnerCheck } from '../crosscheck.js';
import { gather } from '../gather.js';
import { NumberSet } from '../numberset.js';
import type { ByteReader } from '../reader.js';
import { decodeExtentNode, type ExtentNode } from './extents.js';
import type { ExtGeometry } from './geometry.js';
import { inodeChecksumSeed, inodeFlags, type Inode } from './inode.js';

/** A block of a mapping that is still to be read. */
interface Node {
  readonly offsetBytes: number;
  readonly lengthBytes: number;
  readonly owner: Owner;
  /** Of an extent tree: its height. Of indirect blocks: levels above the data. */
  readonly depth: number;
  /** The logical blocks that it may map, in an extent tree. */
  readonly from: number;
  readonly to: number;
}

interface Owner {
  readonly inode: Inode;
  readonly isExtents: boolean;
}

/** The most blocks read at once; together with the fan-out of a tree this limits the queue. */
const waveBytes = 4 << 20;
const directBlocks = 12;
const indirectLevels = 3;
/** Heights that a block of a mapping may have; extent trees have five at most. */
const heights = 8;

export class InodeClaims {
  readonly #reader: ByteReader;
  readonly #geometry: ExtGeometry;
  readonly #check: OwnerCheck;
  readonly #signal: AbortSignal | undefined;
  /** The deepest last, so that only a few levels of a wave's children are queued. */
  readonly #waiting: Node[] = [];
  /**
   * Each block is read only once per claimed height: otherwise a few shared blocks could take unlimited
   * time.
   */
  readonly #met = new NumberSet();
  /** No intact file system has more blocks of mappings than blocks. */
  #budget: number;

  constructor(
    reader: ByteReader,
    geometry: ExtGeometry,
    check: OwnerCheck,
    signal: AbortSignal | undefined,
  ) {
    this.#reader = reader;
    this.#geometry = geometry;
    this.#check = check;
    this.#signal = signal;
    this.#budget = geometry.blocksCount;
  }

  /** Claims the blocks in the inode itself; follow() does the rest. */
  add(inode: Inode): void {
    const isExtents = (inode.flags & inodeFlags.extents) !== 0;
    const owner = { inode, isExtents };
    if (inode.attributeBlock !== 0) this.#claim(owner, inode.attributeBlock, 1);
    if (!inode.mapsBlocks) return;
    if (isExtents) {
      const root = decodeExtentNode(inode.block);
      if (typeof root === 'string') this.#damage(owner, root);
      else this.#addExtents(owner, root, 0, 2 ** 32);
      return;
    }
    const pointers = view(inode.block);
    for (let nth = 0; nth < directBlocks; nth++)
      this.#claimPointer(owner, pointers.getUint32(4 * nth, true));
    for (let level = 1; level <= indirectLevels; level++) {
      const at = 4 * (directBlocks - 1 + level);
      this.#addPointers(owner, pointers.getUint32(at, true), level);
    }
  }

  /** Reads the mappings that the inodes refer to. */
  async follow(): Promise<void> {
    const mostNodes = Math.max(1, waveBytes / this.#geometry.blockBytes);
    while (this.#waiting.length > 0) {
      const wave = this.#waiting.splice(-mostNodes);
      this.#budget -= wave.length;
      if (this.#budget < 0) {
        this.#waiting.length = 0;
        this.#check.addUnread('block mappings', 'there are more of them than blocks');
        return;
      }
      const tell = ({ owner, offsetBytes }: Node) => {
        this.#damage(owner, `its mapping at byte ${offsetBytes} cannot be read`);
      };
      for await (const { piece, bytes } of gather(this.#reader, wave, this.#signal, tell)) {
        if (piece.owner.isExtents) this.#readExtents(piece, bytes);
        else this.#readPointers(piece, bytes);
      }
    }
  }

  #readExtents({ owner, depth, from, to }: Node, bytes: Uint8Array): void {
    const node = decodeExtentNode(bytes);
    if (typeof node === 'string') this.#damage(owner, node);
    else if (node.depth !== depth) this.#damage(owner, `depth is ${node.depth}, not ${depth}`);
    else if (!this.#tailHolds(owner, bytes, node.tailAt))
      this.#damage(owner, 'the checksum of an extent block does not match');
    else this.#addExtents(owner, node, from, to);
  }

  #addExtents(owner: Owner, node: ExtentNode, from: number, to: number): void {
    if ('extents' in node) {
      for (const { physical, blocks } of node.extents) this.#claim(owner, physical, blocks);
      return;
    }
    // Children must be in order and within their parent's range, so that no node is read for two
    // positions.
    let least = from;
    for (const [nth, { logical, physical }] of node.children.entries()) {
      const end = node.children[nth + 1]?.logical ?? to;
      if (logical < least || end <= logical || end > to) {
        this.#damage(owner, 'its extent index is out of order');
        return;
      }
      least = end;
      this.#wait(owner, physical, node.depth - 1, logical, end);
    }
  }

  #tailHolds({ inode }: Owner, bytes: Uint8Array, tailAt: number): boolean {
    if (!this.#geometry.has('metadata_csum')) return true;
    if (tailAt + 4 > bytes.length) return false;
    const sum = crc32c(inodeChecksumSeed(this.#geometry, inode), bytes.subarray(0, tailAt));
    return view(bytes).getUint32(tailAt, true) === sum;
  }

  #readPointers({ owner, depth }: Node, bytes: Uint8Array): void {
    const pointers = view(bytes);
    let runStart = 0;
    let run = 0;
    for (let at = 0; at < bytes.length; at += 4) {
      const block = pointers.getUint32(at, true);
      if (depth > 1) {
        this.#addPointers(owner, block, depth - 1);
      } else if (block !== 0 && block === runStart + run) {
        run++;
      } else {
        if (run > 0) this.#claim(owner, runStart, run);
        runStart = block;
        run = block === 0 ? 0 : 1;
      }
    }
    if (run > 0) this.#claim(owner, runStart, run);
  }

  #addPointers(owner: Owner, block: number, level: number): void {
    if (block !== 0) this.#wait(owner, block, level, 0, 0);
  }

  /** A block of the mapping: owned as well, and to be read. */
  #wait(owner: Owner, block: number, depth: number, from: number, to: number): void {
    if (!this.#claim(owner, block, 1)) return;
    if (!this.#met.add((block * 2 + Number(owner.isExtents)) * heights + depth)) {
      this.#damage(owner, `block ${block} of its mapping is in another place of a mapping too`);
      return;
    }
    const { blockBytes } = this.#geometry;
    const place = { offsetBytes: block * blockBytes, lengthBytes: blockBytes };
    this.#waiting.push({ ...place, owner, depth, from, to });
  }

  #claimPointer(owner: Owner, block: number): void {
    if (block !== 0) this.#claim(owner, block, 1);
  }

  /** False where there are no such blocks. */
  #claim(owner: Owner, block: number, blocks: number): boolean {
    const { firstDataBlock, blocksCount, blockBytes, blocksPerCluster } = this.#geometry;
    const isInside = block > 0 && block >= firstDataBlock && block + blocks <= blocksCount;
    if (!isInside || blocks === 0) {
      this.#damage(owner, `it refers to ${blocks} blocks from block ${block} on`);
      return false;
    }
    // A cluster is allocated as a whole.
    const before = (block - firstDataBlock) % blocksPerCluster;
    const start = block - before;
    const length = Math.ceil((before + blocks) / blocksPerCluster) * blocksPerCluster;
    const end = Math.min(start + length, blocksCount);
    this.#check.claim(() => nameOf(owner), start * blockBytes, (end - start) * blockBytes);
    return true;
  }

  #damage(owner: Owner, what: string): void {
    this.#check.addUnread(nameOf(owner), what);
  }
}

function nameOf({ inode }: Owner): string {
  return `inode ${inode.number}`;
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
