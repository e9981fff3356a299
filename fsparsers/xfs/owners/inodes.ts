/** Reads all inodes that are in use, in the order in which they lie, and claims what they map. */

import type { OwnerCheck } from '../../crosscheck.js';
import { ParseError } from '../../errors.js';
import { gather } from '../../gather.js';
import { readAgiAlone } from '../ag-headers.js';
import { treeFault, treeKinds, walkTree, type TreeWalk } from '../btree.js';
import { agBlockBytes, agBlockLog } from '../superblock.js';
import { ChunkList } from './chunks.js';
import { decodeInode } from './inode.js';
import { MappingClaims } from './mappings.js';
import { addFault, type OwnerSearch } from './search.js';

/** As much as is looked at between two looks at what inodes refer to. */
const chunksAtOnce = 1024;

/** `mostBlocks` bounds the mappings' own blocks: more of them can only be read in circles. */
export async function claimByInodes(
  search: OwnerSearch,
  loggedInodes: ReadonlySet<number>,
  mostBlocks: number,
  check: OwnerCheck,
): Promise<void> {
  const claims = new MappingClaims(search.view, search.geometry, mostBlocks, check);
  for (let agno = 0; agno < search.groups.known.length; agno++) {
    const chunks = await readChunks(search, agno, check);
    for (let first = 0; first < chunks.length; first += chunksAtOnce) {
      await claimChunks(search, agno, chunks, first, loggedInodes, claims, check);
      await claims.follow();
    }
  }
}

/** The chunks of a group whose space is unknown may be read all the same: they own blocks anywhere. */
async function readChunks(
  { view, geometry }: OwnerSearch,
  agno: number,
  check: OwnerCheck,
): Promise<ChunkList> {
  const chunks = new ChunkList(geometry, agno);
  const unread = (fault: ParseError) => {
    addFault(check, fault);
  };
  try {
    const agi = await readAgiAlone(view, geometry, agno);
    const seen = new Set<number>();
    const walk: TreeWalk = {
      geometry,
      agno,
      kind: treeKinds.inobt,
      root: agi.root,
      levels: agi.levels,
      claim: (agbno) => {
        if (seen.has(agbno)) throw treeFault(walk, agbno, 'occurs twice');
        seen.add(agbno);
      },
      visitLeaf: (leaf) => {
        if (!chunks.add(leaf)) {
          throw treeFault(walk, leaf.agbno, 'names inodes twice, or outside its group');
        }
      },
      onFault: unread,
    };
    await walkTree(view, walk);
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    unread(error);
  }
  return chunks;
}

async function claimChunks(
  { view, geometry }: OwnerSearch,
  agno: number,
  chunks: ChunkList,
  first: number,
  loggedInodes: ReadonlySet<number>,
  claims: MappingClaims,
  check: OwnerCheck,
): Promise<void> {
  const { inodeBytes, inodesPerBlockLog } = geometry;
  const agStart = agBlockBytes(geometry, agno, 0);
  const firstNumber = agno * 2 ** (agBlockLog(geometry) + inodesPerBlockLog);
  const pieces = [];
  for (let index = first; index < Math.min(chunks.length, first + chunksAtOnce); index++) {
    const span = chunks.usedSpan(index);
    if (span === null) continue;
    const [from, to] = span;
    const inode = chunks.firstOf(index) + from;
    const place = {
      offsetBytes: agStart + inode * inodeBytes,
      lengthBytes: (to - from) * inodeBytes,
    };
    pieces.push({ ...place, index, from, to });
  }
  for await (const { piece, bytes } of gather(view, pieces)) {
    for (let nth = piece.from; nth < piece.to; nth++) {
      const number = firstNumber + chunks.firstOf(piece.index) + nth;
      if (!chunks.isUsed(piece.index, nth) || loggedInodes.has(number)) continue;
      const at = (nth - piece.from) * inodeBytes;
      const inode = decodeInode(geometry, number, bytes.subarray(at, at + inodeBytes));
      if (typeof inode === 'string') check.addUnread(`inode ${number}`, inode);
      else claims.add(inode);
    }
  }
}
