/** The XFS parser: superblock, log, allocation groups, and the map they make together. */

import { describedAfter, type CrossChecked } from '../crosscheck.js';
import type { Parser, ParserOptions } from '../parser.js';
import type { ByteReader } from '../reader.js';
import { MapBuilder } from '../mapbuilder.js';
import type { Filesystem, MapNote } from '../usedmap.js';
import { uuidText } from './bytes.js';
import type { KnownBlocks } from './known-blocks.js';
import { locator } from './locate.js';
import { readLog, type LogOutcome } from './log/index.js';
import { paintGroups, type PaintedGroups } from './map.js';
import { checkOwners, nothingFree } from './owners/index.js';
import {
  describeSuperblock,
  hasSuperblockMagic,
  readGeometry,
  superblockLayout,
  type Geometry,
} from './superblock.js';
import { abortable, onDisk } from './view.js';

/**
 * XFS version 4 and 5. The map follows the free-space trees after replaying the log in memory; blocks
 * that were used before the replay stay used (fs/xfs/libxfs/xfs_format.h, fs/xfs/xfs_log_recover.c).
 */
export const xfsParser: Parser = {
  family: 'xfs',

  async probe(reader) {
    if (reader.sizeBytes < superblockLayout.sizeBytes) return null;
    const first = await reader.read(0, superblockLayout.sizeBytes);
    return hasSuperblockMagic(first) ? describeSuperblock(first) : null;
  },

  async parse(device, options: ParserOptions = {}) {
    const reader = abortable(device, options.signal);
    const geometry = await readGeometry(reader);
    const log = await readLog(reader, geometry, options.externalJournal);
    const { builder, notes, known, owners } = await paint(reader, geometry, log, options);
    const ranges = builder.build();
    return {
      deviceBytes: reader.sizeBytes,
      filesystem: describedAfter(describeFilesystem(geometry, log), owners),
      crossCheck: owners.crossCheck,
      notes: [...deviceNotes(geometry), ...notes, ...owners.notes],
      ranges,
      locate: locator(geometry, known, ranges),
    };
  },
};

interface Painted {
  readonly builder: MapBuilder;
  readonly notes: readonly MapNote[];
  readonly known: readonly (KnownBlocks | null)[];
  readonly owners: CrossChecked;
}

/** Paints the device; if no group can be trusted, all are used. */
async function paint(
  reader: ByteReader,
  geometry: Geometry,
  log: LogOutcome,
  options: ParserOptions,
): Promise<Painted> {
  const distrust = whyNothingIsFree(geometry, log);
  if (distrust !== null) return allUsed(reader, geometry, distrust);
  const builder = framed(reader, geometry);
  const views =
    log.state === 'replayed'
      ? { current: log.view, stale: onDisk(reader, null) }
      : { current: onDisk(reader, log.state === 'clean' ? log.newest : null), stale: null };
  if (log.state === 'replayed') {
    log.forEachWritten((startBytes, lengthBytes) => {
      builder.mark('metadata', startBytes, lengthBytes);
    });
  }
  const groups = await paintGroups(builder, geometry, views);
  const counts = countsNote(geometry, log, groups);
  if (counts?.severity === 'warning') return allUsed(reader, geometry, counts);
  const loggedInodes = log.state === 'replayed' ? log.inodes : new Set<number>();
  const { signal } = options;
  const search = { view: views.current, geometry, groups, loggedInodes, signal };
  return {
    builder,
    notes: [...groups.notes, ...(counts === null ? [] : [counts])],
    known: groups.known,
    owners: await checkOwners(search, builder, options),
  };
}

function allUsed(reader: ByteReader, geometry: Geometry, note: MapNote): Painted {
  return { builder: framed(reader, geometry), notes: [note], known: [], owners: nothingFree };
}

/** What is known without reading a group: the internal log, and what lies behind the last block. */
function framed(reader: ByteReader, geometry: Geometry): MapBuilder {
  const builder = new MapBuilder(reader.sizeBytes);
  const sizeBytes = geometry.dataBlocks * geometry.blockBytes;
  builder.mark('outside', sizeBytes, reader.sizeBytes - sizeBytes);
  const { startBytes, lengthBytes } = geometry.log;
  if (startBytes !== null) builder.mark('journal', startBytes, lengthBytes);
  return builder;
}

function whyNothingIsFree(geometry: Geometry, log: LogOutcome): MapNote | null {
  if (geometry.unknownFeatures.length > 0) {
    return {
      severity: 'warning',
      code: 'XFS_FEATURE_UNKNOWN',
      message: `features unknown to this parser (${geometry.unknownFeatures.join(', ')}): everything counts as used`,
    };
  }
  if (log.state === 'unfollowable' || log.state === 'external') {
    return {
      severity: 'warning',
      code: log.state === 'external' ? 'XFS_LOG_EXTERNAL' : 'XFS_LOG_UNFOLLOWABLE',
      message: `${log.detail}: everything counts as used`,
    };
  }
  return null;
}

/**
 * After a clean unmount sb_fdblocks is the sum of the groups. More free space in the trees than in the
 * count means that a tree marks used blocks as free; less is only a lost count.
 */
function countsNote(geometry: Geometry, log: LogOutcome, groups: PaintedGroups): MapNote | null {
  const counted = groups.countedBlocks;
  if (log.state !== 'clean' || counted === null || counted === geometry.freeDataBlocks) return null;
  const what = `the superblock counts ${geometry.freeDataBlocks} free blocks, the groups ${counted}`;
  return counted > geometry.freeDataBlocks
    ? {
        severity: 'warning',
        code: 'XFS_COUNTS_DIFFER',
        message: `${what}: everything counts as used`,
      }
    : { severity: 'info', code: 'XFS_COUNTS_DIFFER', message: what };
}

function deviceNotes(geometry: Geometry): MapNote[] {
  const notes: MapNote[] = [];
  if (geometry.realtimeBlocks > 0) {
    notes.push({
      severity: 'warning',
      code: 'XFS_REALTIME_DEVICE',
      message:
        'the realtime part of this file system is not mapped: it lies on another device, or behind the data part, where everything counts as used',
    });
  }
  if (geometry.log.startBytes === null) {
    notes.push({
      severity: 'warning',
      code: 'XFS_LOG_ELSEWHERE',
      message: 'the log of this file system lies on another device, which is not part of this map',
    });
  }
  if (geometry.has.needsRepair) {
    notes.push({
      severity: 'warning',
      code: 'XFS_NEEDS_REPAIR',
      message: 'the file system is marked as needing xfs_repair',
    });
  }
  return notes;
}

function describeFilesystem(geometry: Geometry, log: LogOutcome): Filesystem {
  const dirty = log.state !== 'clean';
  return {
    type: 'xfs',
    uuid: uuidText(geometry.uuid),
    label: geometry.label,
    blockBytes: geometry.blockBytes,
    sizeBytes: geometry.dataBlocks * geometry.blockBytes,
    features: geometry.features,
    state: geometry.has.needsRepair ? 'errors' : dirty ? 'dirty' : 'clean',
    journal: { state: log.state, detail: log.detail },
    geometry: {
      'allocation groups': geometry.agCount,
      'blocks per group': geometry.agBlocks,
      'sector bytes': geometry.sectorBytes,
      'inode bytes': geometry.inodeBytes,
      'log bytes': geometry.log.lengthBytes,
    },
  };
}
