/**
 * Claims the blocks that the forks of inodes map: extents, and the blocks of block-mapping B+trees, which
 * are read in waves, so that they come in few large reads. It reports damaged mappings and still counts
 * intact ones.
 */

import type { OwnerCheck } from '../../crosscheck.js';
import { gather } from '../../gather.js';
import { layout } from '../../layout.js';
import { checksumIsRight, sameBytes, viewOf } from '../bytes.js';
import { agBlockBytes, agBlockLog, agLength, type Geometry } from '../superblock.js';
import type { MetadataView } from '../view.js';
import type { Fork, Inode } from './inode.js';
import type { OwnerSearch } from './search.js';

/** struct xfs_btree_block with xfs_btree_block_lhdr, fs/xfs/libxfs/xfs_format.h; v4 ends at 24. */
const headerLayout = layout('big', { magic: [0, 'u32'], level: [4, 'u16'], records: [6, 'u16'] });
const v5Layout = layout('big', {
  address: [24, 'u64'],
  uuid: [40, 'bytes:16'],
  inode: [56, 'u64'],
});
const crcAt = 64;
const headerBytes = { 4: 24, 5: 72 } as const;
const magics = { 4: 0x424d4150, 5: 0x424d4133 } as const; // "BMAP", "BMA3"
/** struct xfs_bmdr_block, the root within an inode: level and number of entries. */
const rootHeaderBytes = 4;
const recordBytes = 16; // struct xfs_bmbt_rec
const keyBytes = 8;
const pointerBytes = 8;
const maxLevels = 14; // more than XFS_BM_MAXLEVELS of any file system
const endOfFile = 2 ** 54; // startoff has 54 bits

/** The most blocks read at once; together with the fan-out of a tree this limits the queue. */
const waveBytes = 4 << 20;

interface Owner {
  readonly inode: number;
  /** Whether what it maps lies on the realtime device. */
  readonly isRealtime: boolean;
}

/** A block of a mapping that is still to be read. */
interface Node {
  readonly offsetBytes: number;
  readonly lengthBytes: number;
  readonly owner: Owner;
  readonly level: number;
  /** The file's blocks that it may map. */
  readonly from: number;
  readonly to: number;
}

type Parent = Pick<Node, 'owner' | 'from' | 'to'>;

export class MappingClaims {
  readonly #view: MetadataView;
  readonly #geometry: Geometry;
  readonly #check: OwnerCheck;
  readonly #groupSize: number;
  /** The deepest last, so that only a few levels of a wave's children are queued. */
  readonly #waiting: Node[] = [];
  #budget: number;

  readonly #signal: AbortSignal | undefined;

  /** `mostBlocks` is how many blocks of mappings there can be. */
  constructor(
    { view, geometry, signal }: Pick<OwnerSearch, 'view' | 'geometry' | 'signal'>,
    mostBlocks: number,
    check: OwnerCheck,
  ) {
    this.#view = view;
    this.#signal = signal;
    this.#geometry = geometry;
    this.#budget = mostBlocks;
    this.#check = check;
    this.#groupSize = 2 ** agBlockLog(geometry);
  }

  /** Claims the blocks in the inode itself; follow() does the rest. */
  add({ number, forks }: Inode): void {
    for (const fork of forks) {
      const owner = { inode: number, isRealtime: fork.isRealtime };
      if (fork.isTree) this.#addRoot(owner, fork);
      else if (fork.extents * recordBytes > fork.bytes.length) {
        this.#damage(owner, `it cannot hold ${fork.extents} extents`);
      } else {
        this.#claimExtents(owner, viewOf(fork.bytes), 0, fork.extents);
      }
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
        this.#check.addUnread('block mappings', 'there are more of them than blocks in use');
        return;
      }
      const tell = ({ owner, offsetBytes }: Node) => {
        this.#damage(owner, `the B+tree block at byte ${offsetBytes} cannot be read`);
      };
      for await (const { piece, bytes } of gather(this.#view, wave, this.#signal, tell)) {
        this.#readNode(piece, bytes);
      }
    }
  }

  #addRoot(owner: Owner, fork: Fork): void {
    const view = viewOf(fork.bytes);
    const room = Math.floor((fork.bytes.length - rootHeaderBytes) / (keyBytes + pointerBytes));
    if (room < 1) {
      this.#damage(owner, 'it has no room for the root of its B+tree');
      return;
    }
    const level = view.getUint16(0);
    const records = view.getUint16(2);
    if (level < 1 || level > maxLevels || records > room) {
      this.#damage(owner, `the root of its B+tree has level ${level} and ${records} entries`);
      return;
    }
    const parent = { owner, from: 0, to: endOfFile };
    this.#addChildren(parent, view, rootHeaderBytes, room, records, level - 1);
  }

  #readNode(node: Node, bytes: Uint8Array): void {
    const { owner, level } = node;
    const { version, blockBytes } = this.#geometry;
    const wrong = this.#faultOf(node, bytes);
    const header = headerLayout.decode(bytes);
    const firstAt = headerBytes[version];
    const entryBytes = level === 0 ? recordBytes : keyBytes + pointerBytes;
    const room = Math.floor((blockBytes - firstAt) / entryBytes);
    const isSound = wrong === null && header.records >= 1 && header.records <= room;
    if (!isSound) {
      const what = wrong ?? `cannot hold ${header.records} entries`;
      this.#damage(owner, `the B+tree block at byte ${node.offsetBytes} ${what}`);
      return;
    }
    const view = viewOf(bytes);
    if (level > 0) this.#addChildren(node, view, firstAt, room, header.records, level - 1);
    else this.#claimExtents(owner, view, firstAt, header.records);
  }

  #faultOf({ owner, level, offsetBytes }: Node, bytes: Uint8Array): string | null {
    const { version, metaUuid } = this.#geometry;
    const header = headerLayout.decode(bytes);
    if (header.magic !== magics[version]) return 'has another magic number';
    if (header.level !== level) return `is of level ${header.level}, not ${level}`;
    if (version === 4) return null;
    const { address, uuid, inode } = v5Layout.decode(bytes);
    if (address * 512 !== offsetBytes) return 'was written for another place';
    if (!sameBytes(uuid, metaUuid)) return 'belongs to another file system';
    if (inode !== owner.inode) return `belongs to inode ${inode}`;
    if (this.#view.isReplayed(offsetBytes, bytes.length)) return null;
    return checksumIsRight(bytes, crcAt) ? null : 'has a wrong checksum';
  }

  /** Entries in order, within their parent's range: a tree has no more leaves than file blocks. */
  #addChildren(
    { owner, from, to }: Parent,
    view: DataView,
    firstAt: number,
    room: number,
    records: number,
    level: number,
  ): void {
    const keyOf = (index: number) => Number(view.getBigUint64(firstAt + index * keyBytes));
    const pointersAt = firstAt + room * keyBytes;
    let least = from;
    for (let index = 0; index < records; index++) {
      const start = keyOf(index);
      const end = index === records - 1 ? to : keyOf(index + 1);
      if (start < least || end <= start || end > to) {
        this.#damage(owner, 'its B+tree is out of order');
        return;
      }
      least = end;
      const block = Number(view.getBigUint64(pointersAt + index * pointerBytes));
      const offsetBytes = this.#claim(owner, block, 1);
      if (offsetBytes === null) continue;
      const lengthBytes = this.#geometry.blockBytes;
      this.#waiting.push({ offsetBytes, lengthBytes, owner, level, from: start, to: end });
    }
  }

  /** Records (struct xfs_bmbt_rec): a flag, 54 bits of offset, 52 of first block, 21 of count. */
  #claimExtents(owner: Owner, view: DataView, firstAt: number, records: number): void {
    if (owner.isRealtime) return;
    for (let index = 0; index < records; index++) {
      const at = firstAt + index * recordBytes;
      const low = view.getUint32(at + 12);
      const start =
        (view.getUint32(at + 4) & 0x1ff) * 2 ** 43 +
        view.getUint32(at + 8) * 2 ** 11 +
        (low >>> 21);
      this.#claim(owner, start, low & 0x1fffff);
    }
  }

  /** Where the blocks begin on the device; null where there are no such blocks. */
  #claim(owner: Owner, block: number, blocks: number): number | null {
    const agno = Math.floor(block / this.#groupSize);
    const agbno = block % this.#groupSize;
    const isInside =
      agno < this.#geometry.agCount && agbno + blocks <= agLength(this.#geometry, agno);
    if (!isInside || blocks === 0 || block === 0) {
      this.#damage(owner, `it refers to ${blocks} blocks from block ${block} on`);
      return null;
    }
    const offsetBytes = agBlockBytes(this.#geometry, agno, agbno);
    const lengthBytes = blocks * this.#geometry.blockBytes;
    this.#check.claim(() => `inode ${owner.inode}`, offsetBytes, lengthBytes);
    return offsetBytes;
  }

  #damage(owner: Owner, what: string): void {
    this.#check.addUnread(`inode ${owner.inode}`, what);
  }
}
