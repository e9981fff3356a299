/** XFS's short-form B+trees: their block headers, checked, and a walk from the root, level by level. */

import { ParseError } from '../errors.js';
import { layout } from '../layout.js';
import { checksumIsRight, sameBytes, viewOf } from './bytes.js';
import { readAll } from './read-all.js';
import { agBlockBytes, agLength, type Geometry } from './superblock.js';
import { isNewerThanLog, type MetadataView } from './view.js';

/** struct xfs_btree_block with xfs_btree_block_shdr, fs/xfs/libxfs/xfs_format.h; v4 ends at 16. */
const headerLayout = layout('big', {
  magic: [0, 'u32'],
  level: [4, 'u16'],
  records: [6, 'u16'],
  left: [8, 'u32'],
  right: [12, 'u32'],
});
const v5Layout = layout('big', {
  address: [16, 'u64'],
  lsnCycle: [24, 'u32'],
  lsnBlock: [28, 'u32'],
  uuid: [32, 'bytes:16'],
  owner: [48, 'u32'],
});
const crcAt = 52;

export const nullBlock = 0xffffffff; // NULLAGBLOCK
/** No tree of a possible allocation group is higher, whatever its kind. */
const maxLevels = 16;
/** Blocks read, then parsed, at a time: bounds the memory of a walk. */
const windowBytes = 8 << 20;

/** One kind of tree. Keys begin with a 32-bit block or inode number. */
export interface TreeKind {
  readonly name: string;
  readonly magic: { readonly 4: number | null; readonly 5: number };
  readonly recordBytes: number;
  /** Of an interior entry's key or, in overlapping trees, its pair of keys. */
  readonly keyBytes: number;
  /** Whether the first number never decreases from one record to the next. */
  readonly ascending: boolean;
}

export const treeKinds = {
  bnobt: {
    name: 'by-block free space B+tree',
    magic: { 4: 0x41425442, 5: 0x41423342 },
    recordBytes: 8,
    keyBytes: 8,
    ascending: true,
  },
  cntbt: {
    name: 'by-size free space B+tree',
    magic: { 4: 0x41425443, 5: 0x41423343 },
    recordBytes: 8,
    keyBytes: 8,
    ascending: false,
  },
  inobt: {
    name: 'inode B+tree',
    magic: { 4: 0x49414254, 5: 0x49414233 },
    recordBytes: 16,
    keyBytes: 4,
    ascending: true,
  },
  finobt: {
    name: 'free inode B+tree',
    magic: { 4: null, 5: 0x46494233 },
    recordBytes: 16,
    keyBytes: 4,
    ascending: true,
  },
  rmapbt: {
    name: 'reverse mapping B+tree',
    magic: { 4: null, 5: 0x524d4233 },
    recordBytes: 24,
    keyBytes: 40,
    ascending: true,
  },
  refcountbt: {
    name: 'reference count B+tree',
    magic: { 4: null, 5: 0x52334643 },
    recordBytes: 12,
    keyBytes: 4,
    ascending: true,
  },
} as const satisfies Record<string, TreeKind>;

/** A checked leaf, handed to the visitor in key order. */
export interface Leaf {
  readonly agbno: number;
  readonly records: number;
  /** The first record's place in `bytes`. */
  readonly firstAt: number;
  readonly view: DataView;
}

export interface TreeWalk {
  readonly geometry: Geometry;
  readonly agno: number;
  readonly kind: TreeKind;
  readonly root: number;
  readonly levels: number;
  /** Called for each leaf, in key order. Without it leaves below a root are not read at all. */
  readonly visitLeaf?: (leaf: Leaf) => void;
  /** Called once for each block of the tree; throws where a block cannot be part of it. */
  readonly claim: (agbno: number) => void;
  /** Called instead of throwing when one block is wrong; the walk continues without it. */
  readonly onFault?: (fault: ParseError) => void;
}

interface Child {
  readonly agbno: number;
  readonly low: number;
  readonly high: number;
}

/**
 * Walks a tree level by level, reading each level in windows of merged reads. Every block is
 * checked: checksum, owner, UUID and own address (v5), magic, level, record count, siblings, and
 * keys within what the parent promised.
 * @throws ParseError for what is wrong, unless `onFault` takes it.
 */
export async function walkTree(view: MetadataView, walk: TreeWalk): Promise<void> {
  const { levels, root } = walk;
  if (levels < 1 || levels > maxLevels) {
    throw treeFault(walk, root, `a height of ${levels} is impossible`);
  }
  let blocks: Child[] = [{ agbno: root, low: 0, high: Infinity }];
  for (let level = levels - 1; level >= 0; level--) {
    blocks = blocks.filter((child) =>
      tolerate(walk, () => {
        claimBlock(walk, child.agbno);
      }),
    );
    if (level === 0 && levels > 1 && walk.visitLeaf === undefined) return;
    blocks = await walkLevel(view, walk, level, blocks);
  }
}

async function walkLevel(
  view: MetadataView,
  walk: TreeWalk,
  level: number,
  blocks: readonly Child[],
): Promise<Child[]> {
  const { geometry, agno } = walk;
  const window = Math.max(1, Math.floor(windowBytes / geometry.blockBytes));
  const children: Child[] = [];
  for (let first = 0; first < blocks.length; first += window) {
    const some = blocks.slice(first, first + window);
    const offsets = some.map(({ agbno }) => agBlockBytes(geometry, agno, agbno));
    const read = await readAll(view, offsets, geometry.blockBytes);
    for (const [index, block] of some.entries()) {
      const bytes = read[index];
      if (bytes === undefined) continue;
      tolerate(walk, () => {
        const neighbours = [blocks[first + index - 1], blocks[first + index + 1]] as const;
        const leaf = checkBlock(view, walk, block, level, bytes);
        checkSiblings(walk, block, leaf.view, neighbours);
        if (level > 0) children.push(...childrenOf(walk, block, leaf));
        else walk.visitLeaf?.(leaf);
      });
    }
  }
  return children;
}

/** Runs a step; false if it failed and the walk tolerates faults. */
function tolerate(walk: TreeWalk, step: () => void): boolean {
  try {
    step();
    return true;
  } catch (error) {
    if (walk.onFault === undefined || !(error instanceof ParseError)) throw error;
    walk.onFault(error);
    return false;
  }
}

function claimBlock(walk: TreeWalk, agbno: number): void {
  if (agbno < 1 || agbno >= agLength(walk.geometry, walk.agno)) {
    throw treeFault(walk, agbno, 'lies outside its allocation group');
  }
  walk.claim(agbno);
}

export function treeFault(walk: TreeWalk, agbno: number, what: string): ParseError {
  return new ParseError('CORRUPT', what, {
    structure: `AG ${walk.agno} ${walk.kind.name} block ${agbno}`,
    offsetBytes: agBlockBytes(walk.geometry, walk.agno, agbno),
  });
}

function headerBytes(geometry: Geometry): number {
  return geometry.version === 5 ? 56 : 16;
}

function checkBlock(
  view: MetadataView,
  walk: TreeWalk,
  block: Child,
  level: number,
  bytes: Uint8Array,
): Leaf {
  const { geometry, kind, levels } = walk;
  const wrong = (what: string) => treeFault(walk, block.agbno, what);
  const header = headerLayout.decode(bytes);
  if (header.magic !== kind.magic[geometry.version]) throw wrong('has another magic number');
  if (geometry.version === 5) checkV5(view, walk, block.agbno, bytes);
  if (header.level !== level) throw wrong(`is of level ${header.level}, not ${level}`);
  const space = geometry.blockBytes - headerBytes(geometry);
  const entryBytes = level === 0 ? kind.recordBytes : kind.keyBytes + 4;
  const isRoot = level === levels - 1;
  const least = isRoot && level === 0 ? 0 : 1;
  if (header.records < least || header.records > Math.floor(space / entryBytes)) {
    throw wrong(`cannot hold ${header.records} records`);
  }
  const firstAt = headerBytes(geometry);
  const leaf = { agbno: block.agbno, records: header.records, firstAt, view: viewOf(bytes) };
  if (kind.ascending) {
    checkOrder(walk, block, leaf, level === 0 ? kind.recordBytes : kind.keyBytes);
  }
  return leaf;
}

function checkV5(view: MetadataView, walk: TreeWalk, agbno: number, bytes: Uint8Array): void {
  const { geometry, agno } = walk;
  const wrong = (what: string) => treeFault(walk, agbno, what);
  const offsetBytes = agBlockBytes(geometry, agno, agbno);
  const header = v5Layout.decode(bytes);
  if (header.address * 512 !== offsetBytes) throw wrong('was written for another place');
  if (!sameBytes(header.uuid, geometry.metaUuid)) throw wrong('belongs to another file system');
  if (header.owner !== agno) throw wrong(`belongs to AG ${header.owner}`);
  if (view.isReplayed(offsetBytes, bytes.length)) return;
  if (!checksumIsRight(bytes, crcAt)) throw wrong('its checksum is wrong');
  if (isNewerThanLog(view, header.lsnCycle, header.lsnBlock)) {
    throw wrong('is newer than the log');
  }
}

function checkOrder(walk: TreeWalk, block: Child, leaf: Leaf, stepBytes: number): void {
  let previous = block.low;
  for (let index = 0; index < leaf.records; index++) {
    const key = leaf.view.getUint32(leaf.firstAt + index * stepBytes);
    if (key < previous || key >= block.high) {
      throw treeFault(walk, block.agbno, `record ${index} is out of order`);
    }
    previous = key;
  }
}

/** A sibling pointer that contradicts the level's order means that the tree changed or is damaged. */
function checkSiblings(
  walk: TreeWalk,
  block: Child,
  view: DataView,
  [left, right]: readonly [Child | undefined, Child | undefined],
): void {
  // A walk that tolerates faults may have lost the neighbour itself.
  if (walk.onFault !== undefined) return;
  const expected = [left?.agbno ?? nullBlock, right?.agbno ?? nullBlock];
  const found = [
    view.getUint32(headerLayout.fields.left[0]),
    view.getUint32(headerLayout.fields.right[0]),
  ];
  if (found[0] !== expected[0] || found[1] !== expected[1]) {
    throw treeFault(walk, block.agbno, 'its siblings are not its neighbours');
  }
}

function childrenOf(walk: TreeWalk, block: Child, node: Leaf): Child[] {
  const { geometry, kind } = walk;
  const space = geometry.blockBytes - node.firstAt;
  const capacity = Math.floor(space / (kind.keyBytes + 4));
  const pointersAt = node.firstAt + capacity * kind.keyBytes;
  const keyOf = (index: number) => node.view.getUint32(node.firstAt + index * kind.keyBytes);
  const children: Child[] = [];
  for (let index = 0; index < node.records; index++) {
    const isLast = index === node.records - 1;
    // Records of overlapping trees may share their first number: the bound is then inclusive.
    const next = isLast ? block.high : keyOf(index + 1) + (kind === treeKinds.rmapbt ? 1 : 0);
    children.push({
      agbno: node.view.getUint32(pointersAt + 4 * index),
      low: kind.ascending ? keyOf(index) : 0,
      high: kind.ascending ? next : Infinity,
    });
  }
  return children;
}
