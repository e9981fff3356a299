/** Describes an ext2/3/4 file system for people: its identity, state and geometry. */

import type { Filesystem } from '../usedmap.js';
import { typeName } from './features.js';
import type { ExtGeometry } from './geometry.js';
import { stateOf } from './health.js';
import type { JournalView } from './health.js';
import { labelText, uuidText } from './superblock.js';

/**
 * `onDisk` has the state, `after` (the journal's replay) everything else; without a replay they are the
 * same.
 */
export function describeFilesystem(
  onDisk: ExtGeometry,
  after: ExtGeometry,
  journal: JournalView,
): Filesystem {
  const { superblock, blockBytes, blocksCount } = after;
  const { fields } = superblock;
  return {
    type: typeName(onDisk.superblock.fields),
    uuid: uuidText(fields.uuid),
    label: labelText(fields.label),
    blockBytes,
    sizeBytes: blocksCount * blockBytes,
    features: onDisk.superblock.features,
    state: stateOf(onDisk),
    journal: { state: journal.state, detail: journal.detail },
    geometry: {
      'Block size': blockBytes,
      ...(after.blocksPerCluster > 1 ? { 'Cluster size': after.clusterBytes } : {}),
      Blocks: blocksCount,
      'First block': after.firstDataBlock,
      Groups: after.groupsCount,
      'Blocks per group': after.blocksPerGroup,
      'Groups per flex group': after.has('flex_bg')
        ? 2 ** Math.min(31, fields.logGroupsPerFlex)
        : 1,
      Inodes: after.inodesCount,
      'Inodes per group': after.inodesPerGroup,
      'Inode size': after.inodeBytes,
      'Group descriptor size': after.descriptorBytes,
      'Reserved group descriptor blocks': after.reservedGdtBlocks,
    },
  };
}
