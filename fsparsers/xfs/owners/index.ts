/** Checks the owners of blocks against the free-space trees. */

import { OwnerCheck, skipOwners, skipped, type CrossChecked } from '../../crosscheck.js';
import type { ParserOptions } from '../../parser.js';
import type { MapBuilder } from '../../mapbuilder.js';
import type { BlockPurpose } from '../known-blocks.js';
import { claimByInodes } from './inodes.js';
import { claimByReverseMappings } from './reverse-mappings.js';
import type { OwnerSearch } from './search.js';

const allocation = 'the free-space trees';
const repair = 'xfs_repair';

/**
 * Does the cross-check if `options` ask for it: with the reverse-mapping trees if the file system has
 * them, else with its inodes. `builder` must have all free ranges. Damage is reported in the result.
 */
export async function checkOwners(
  search: OwnerSearch,
  builder: MapBuilder,
  options: ParserOptions,
): Promise<CrossChecked> {
  const { geometry, groups, loggedInodes } = search;
  const byTree = geometry.has.rmapbt;
  const owners = byTree ? 'reverse-mapping trees' : 'inodes';
  const skip = skipOwners(options, {
    owners: `the ${owners}`,
    msPerMebibyte: byTree ? 33 : 7,
    // Mappings of fragmented files come on top: 16 bytes an extent, less than one part in 60 of its data.
    ownersBytes: bytesOf(search, byTree ? 'reverse mapping B+tree' : 'inode chunk'),
    usedBytes: usedBlocks(search) * geometry.blockBytes,
  });
  if (skip !== null) return skip;
  if (byTree) {
    const check = new OwnerCheck(builder, { owners, allocation, repair });
    await claimByReverseMappings(search, check);
    return check.finish();
  }
  if (loggedInodes === null) return skipped('the log changes more inodes than fit into memory');
  const but = loggedInodes.size > 0 ? `, but for ${loggedInodes.size} that the log changes` : '';
  const check = new OwnerCheck(builder, { owners: `${owners}${but}`, allocation, repair });
  await claimByInodes(search, loggedInodes, usedBlocks(search), check);
  if (groups.known.length < geometry.agCount) {
    check.addUnread(
      'allocation groups',
      `${geometry.agCount - groups.known.length} were not tried`,
    );
  }
  return check.finish();
}

/** A map without free ranges has nothing to check. */
export const nothingFree: CrossChecked = skipped('nothing counts as free');

function usedBlocks({ geometry, groups }: OwnerSearch): number {
  return Math.max(0, geometry.dataBlocks - groups.freeBlocks);
}

function bytesOf({ geometry, groups }: OwnerSearch, purpose: BlockPurpose): number {
  let blocks = 0;
  for (const known of groups.known) {
    for (let index = 0; known !== null && index < known.length; index++) {
      if (known.purposeOf(index) === purpose) blocks += known.endOf(index) - known.startOf(index);
    }
  }
  return blocks * geometry.blockBytes;
}
