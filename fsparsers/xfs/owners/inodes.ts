/** Reads all inodes in use, in the order of their positions, and claims the blocks that they map. */

import type { OwnerCheck } from '../../crosscheck.js';
import type { ParseError } from '../../errors.js';
import { gather } from '../../gather.js';
import { readAgiAlone } from '../ag-headers.js';
import { treeFault, treeKinds, walkTree, type TreeWalk } from '../btree.js';
import { agBlockBytes, agBlockLog } from '../superblock.js';
import { ChunkList } from './chunks.js';
import { decodeInode } from './inode.js';
import { MappingClaims } from './mappings.js';
import { addFault, tolerating, type OwnerSearch } from './search.js';

/** How much is read before following the mappings of the inodes. */
const chunksAtOnce = 1024;

/** `mostBlocks` limits the mappings' own blocks: more would mean a cycle. */
export async function claimByInodes(
  search: OwnerSearch,
  loggedInodes: ReadonlySet<number>,
  mostBlocks: number,
  check: OwnerCheck,
): Promise<void> {
  const claims = new MappingClaims(search, mostBlocks, check);
  for (let agno = 0; agno < search.groups.known.length; agno++) {
    const chunks = await readChunks(search, agno, check);
    for (let first = 0; first < chunks.length; first += chunksAtOnce) {
      await claimChunks(search, agno, chunks, first, loggedInodes, claims, check);
      await claims.follow();
    }
  }
}

/** The chunks of a group whose free space is unknown are read too: their inodes own blocks anywhere. */
async function readChunks(
  search: OwnerSearch,
  agno: number,
  check: OwnerCheck,
): Promise<ChunkList> {
  const { view, geometry } = search;
  const chunks = new ChunkList(geometry, agno);
  const unread = (fault: ParseError) => {
    addFault(check, fault);
  };
  await tolerating(`AG ${agno} inode B+tree`, search, check, async () => {
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
  });
  return chunks;
}

async function claimChunks(
  { view, geometry, signal }: OwnerSearch,
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
  const tell = ({ index, from, to }: { index: number; from: number; to: number }) => {
    const firstOf = firstNumber + chunks.firstOf(index);
    check.addUnread(`inodes ${firstOf + from} to ${firstOf + to - 1}`, 'they cannot be read');
  };
  for await (const { piece, bytes } of gather(view, pieces, signal, tell)) {
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
