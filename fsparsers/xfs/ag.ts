/** One allocation group: its free extents, and the proof that its structures agree about them. */

import { ParseError } from '../errors.js';
import { ExtentBuilder, type ExtentList } from '../extents.js';
import {
  headerBlocks,
  readAgfAlone,
  readAgHeaders,
  type Agf,
  type AgHeaders,
} from './ag-headers.js';
import { treeFault, treeKinds, walkTree, type Leaf, type TreeWalk } from './btree.js';
import { ExtentDigest } from './extent-digest.js';
import { addInodeChunks } from './inode-chunks.js';
import type { BlockPurpose, KnownBlocks } from './known-blocks.js';
import { blockFault, OwnedBlocks } from './owned-blocks.js';
import { agBlockBytes, agLength, type Geometry } from './superblock.js';
import type { MetadataView } from './view.js';

export interface AgSpace {
  /** Sorted and disjoint; blocks within the group. */
  readonly free: ExtentList;
  readonly known: KnownBlocks;
  /** What this group adds to sb_fdblocks. */
  readonly countedBlocks: number;
}

/** Read with the headers, so that the roots that follow them need no read of their own. */
const headReadBytes = 64 << 10;

/**
 * Reads everything that decides what is free in a group, and checks it for consistency: both free-space
 * trees list the same extents, the AGF's counts match them, and no known metadata is free. @throws
 * ParseError if anything is wrong: the group's map is then unknown.
 */
export async function readAg(
  device: MetadataView,
  geometry: Geometry,
  agno: number,
): Promise<AgSpace> {
  const view = await withHead(device, geometry, agno);
  const headers = await readAgHeaders(view, geometry, agno);
  const owned = new OwnedBlocks(geometry, agno);
  owned.add('superblock and headers', 0, headerBlocks(geometry));
  for (const agbno of headers.freeList) owned.add('free list (AGFL)', agbno, 1);
  const free = await readFreeTrees(view, geometry, agno, headers.agf, owned);
  await readOtherTrees(view, geometry, agno, headers, owned);
  checkBtreeCount(geometry, agno, headers.agf, owned);
  const known = owned.finish();
  const overlap = known.firstOverlap(free);
  if (overlap !== null) {
    const what = `is listed as free, but belongs to the ${overlap.purpose}`;
    throw blockFault(geometry, agno, overlap.agbno, what);
  }
  if (known.contested !== null) {
    throw blockFault(geometry, agno, known.contested, 'belongs to two structures');
  }
  return { free, known, countedBlocks: countedBlocks(geometry, headers.agf) };
}

/**
 * The free extents that a stale view still proves: after a crash the trees on disk may be half written;
 * unreadable parts count as used. Faults are ignored.
 */
export async function readStaleFree(
  device: MetadataView,
  geometry: Geometry,
  agno: number,
): Promise<ExtentList> {
  const free = new ExtentBuilder();
  try {
    const view = await withHead(device, geometry, agno);
    const agf = await readAgfAlone(view, geometry, agno);
    const seen = new Set<number>();
    const walk: TreeWalk = {
      geometry,
      agno,
      kind: treeKinds.bnobt,
      root: agf.bnoRoot,
      levels: agf.bnoLevels,
      claim: (agbno) => {
        if (seen.has(agbno)) throw treeFault(walk, agbno, 'occurs twice');
        seen.add(agbno);
      },
      visitLeaf: (leaf) => {
        addFreeExtents(walk, leaf, free);
      },
      onFault: () => undefined,
    };
    await walkTree(view, walk);
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
  }
  return free.finish();
}

async function withHead(
  device: MetadataView,
  geometry: Geometry,
  agno: number,
): Promise<MetadataView> {
  const startBytes = agBlockBytes(geometry, agno, 0);
  const lengthBytes = Math.min(
    Math.max(headReadBytes, 8 * geometry.blockBytes),
    agLength(geometry, agno) * geometry.blockBytes,
  );
  if (lengthBytes < 4 * geometry.sectorBytes) {
    throw new ParseError('CORRUPT', 'is too short for its headers', {
      structure: `AG ${agno}`,
      offsetBytes: startBytes,
    });
  }
  const headers = await device.read(startBytes, lengthBytes);
  return {
    sizeBytes: device.sizeBytes,
    newest: device.newest,
    isReplayed: (offset, length) => device.isReplayed(offset, length),
    read: (offset, length) => {
      const at = offset - startBytes;
      const lies = at >= 0 && at + length <= lengthBytes;
      return lies ? Promise.resolve(headers.slice(at, at + length)) : device.read(offset, length);
    },
  };
}

async function readFreeTrees(
  view: MetadataView,
  geometry: Geometry,
  agno: number,
  agf: Agf,
  owned: OwnedBlocks,
): Promise<ExtentList> {
  const free = new ExtentBuilder();
  const byBlock = new ExtentDigest();
  const bySize = new ExtentDigest();
  const common = { geometry, agno };
  const bno: TreeWalk = {
    ...common,
    kind: treeKinds.bnobt,
    root: agf.bnoRoot,
    levels: agf.bnoLevels,
    claim: (agbno) => {
      owned.add('by-block free space B+tree', agbno, 1);
    },
    visitLeaf: (leaf) => {
      addFreeExtents(bno, leaf, free);
      byBlock.addLeaf(leaf);
    },
  };
  await walkTree(view, bno);
  await walkTree(view, {
    ...common,
    kind: treeKinds.cntbt,
    root: agf.cntRoot,
    levels: agf.cntLevels,
    claim: (agbno) => {
      owned.add('by-size free space B+tree', agbno, 1);
    },
    visitLeaf: (leaf) => {
      bySize.addLeaf(leaf);
    },
  });
  const wrong = (what: string) => treeFault(bno, agf.bnoRoot, what);
  if (!byBlock.equals(bySize)) throw wrong('lists other extents than the by-size tree');
  if (byBlock.blocks !== agf.freeBlocks) {
    throw wrong(`lists ${byBlock.blocks} free blocks, the AGF counts ${agf.freeBlocks}`);
  }
  if (byBlock.longest !== agf.longest) {
    throw wrong(`its longest extent has ${byBlock.longest} blocks, the AGF says ${agf.longest}`);
  }
  return free.finish();
}

/** Adds a leaf's records (struct xfs_alloc_rec: first block, count), which must ascend. */
function addFreeExtents(walk: TreeWalk, leaf: Leaf, free: ExtentBuilder): void {
  const length = agLength(walk.geometry, walk.agno);
  const first = headerBlocks(walk.geometry);
  let end = Math.max(first, free.end);
  for (let index = 0; index < leaf.records; index++) {
    const at = leaf.firstAt + index * treeKinds.bnobt.recordBytes;
    const start = leaf.view.getUint32(at);
    const blocks = leaf.view.getUint32(at + 4);
    if (start < end || blocks === 0 || start + blocks > length) {
      throw treeFault(walk, leaf.agbno, `record ${index} overlaps or lies outside the group`);
    }
    end = start + blocks;
    free.add(start, end);
  }
}

/** The trees that own blocks but do not affect free space: read for the self-check. */
async function readOtherTrees(
  view: MetadataView,
  geometry: Geometry,
  agno: number,
  { agf, agi }: AgHeaders,
  owned: OwnedBlocks,
): Promise<void> {
  const { has } = geometry;
  const chunks = owned.listOf('inode chunk');
  const walk = (
    kind: TreeWalk['kind'] & { name: BlockPurpose },
    root: number,
    levels: number,
    visitLeaf?: (leaf: Leaf) => void,
  ) =>
    walkTree(view, {
      geometry,
      agno,
      kind,
      root,
      levels,
      claim: (agbno) => {
        owned.add(kind.name, agbno, 1);
      },
      ...(visitLeaf && { visitLeaf }),
    });
  await walk(treeKinds.inobt, agi.root, agi.levels, (leaf) => {
    if (!addInodeChunks(geometry, leaf, agf.length, chunks)) {
      throw blockFault(geometry, agno, leaf.agbno, 'names inodes outside its group');
    }
  });
  if (has.finobt) await walk(treeKinds.finobt, agi.freeRoot, agi.freeLevels);
  if (has.rmapbt) await walk(treeKinds.rmapbt, agf.rmapRoot, agf.rmapLevels);
  if (has.reflink) await walk(treeKinds.refcountbt, agf.refcountRoot, agf.refcountLevels);
}

/** The AGF counts the blocks of its trees without their roots (xfs_ag_resv and lazy counters). */
function checkBtreeCount(geometry: Geometry, agno: number, agf: Agf, owned: OwnedBlocks): void {
  if (!geometry.lazyCounts) return;
  const trees: BlockPurpose[] = ['by-block free space B+tree', 'by-size free space B+tree'];
  if (geometry.has.rmapbt) trees.push('reverse mapping B+tree');
  const counted = trees.reduce((sum, purpose) => sum + owned.countOf(purpose) - 1, 0);
  if (counted !== agf.btreeBlocks) {
    throw new ParseError('CORRUPT', `counts ${agf.btreeBlocks} tree blocks, there are ${counted}`, {
      structure: `AG ${agno} AGF`,
      offsetBytes: agBlockBytes(geometry, agno, 0) + geometry.sectorBytes,
    });
  }
}

/** xfs_initialize_perag_data(): with lazy counters the trees' own blocks count as free. */
function countedBlocks(geometry: Geometry, agf: Agf): number {
  return agf.freeBlocks + agf.flCount + (geometry.lazyCounts ? agf.btreeBlocks : 0);
}
