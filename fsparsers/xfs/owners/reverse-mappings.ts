/** Claims the blocks that the reverse-mapping tree of each allocation group lists, whoever owns them. */

import type { OwnerCheck } from '../../crosscheck.js';
import type { ParseError } from '../../errors.js';
import { readAgfAlone } from '../ag-headers.js';
import { treeFault, treeKinds, walkTree, type Leaf, type TreeWalk } from '../btree.js';
import { agBlockBytes, agLength } from '../superblock.js';
import { addFault, tolerating, type OwnerSearch } from './search.js';

/** The owners that are no inode (XFS_RMAP_OWN_*, fs/xfs/libxfs/xfs_format.h), counted down from -1. */
const otherOwners = [
  'nobody',
  'an unknown owner',
  'the file system',
  'the log',
  'the free-space trees',
  'the inode trees',
  'the inodes',
  'the reference count tree',
  'a copy on write',
] as const;
const nobody = 0xffff_ffff_ffff_ffffn; // XFS_RMAP_OWN_NULL

/** Claims everything that the trees list. A group that counts as used completely has nothing to compare. */
export async function claimByReverseMappings(
  search: OwnerSearch,
  check: OwnerCheck,
): Promise<void> {
  const { view, geometry, groups } = search;
  for (let agno = 0; agno < groups.known.length; agno++) {
    if (groups.known[agno] === null) continue;
    const unread = (fault: ParseError) => {
      addFault(check, fault);
    };
    await tolerating(`AG ${agno} reverse mapping B+tree`, search, check, async () => {
      const agf = await readAgfAlone(view, geometry, agno);
      const seen = new Set<number>();
      const walk: TreeWalk = {
        geometry,
        agno,
        kind: treeKinds.rmapbt,
        root: agf.rmapRoot,
        levels: agf.rmapLevels,
        claim: (agbno) => {
          if (seen.has(agbno)) throw treeFault(walk, agbno, 'occurs twice');
          seen.add(agbno);
        },
        visitLeaf: (leaf) => {
          claimLeaf(walk, leaf, check);
        },
        onFault: unread,
      };
      await walkTree(view, walk);
    });
  }
}

/** struct xfs_rmap_rec: first block, count, owner, offset and flags. */
function claimLeaf(walk: TreeWalk, leaf: Leaf, check: OwnerCheck): void {
  const { geometry, agno, kind } = walk;
  const length = agLength(geometry, agno);
  for (let index = 0; index < leaf.records; index++) {
    const at = leaf.firstAt + index * kind.recordBytes;
    const start = leaf.view.getUint32(at);
    const blocks = leaf.view.getUint32(at + 4);
    const owner = leaf.view.getBigUint64(at + 8);
    if (blocks === 0 || start + blocks > length) {
      throw treeFault(walk, leaf.agbno, `record ${index} lies outside the group`);
    }
    if (owner === nobody) continue;
    const offsetBytes = agBlockBytes(geometry, agno, start);
    check.claim(() => nameOf(owner), offsetBytes, blocks * geometry.blockBytes);
  }
}

function nameOf(owner: bigint): string {
  return otherOwners[Number(nobody - owner)] ?? `inode ${owner}`;
}
