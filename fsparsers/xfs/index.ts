/** The XFS parser: superblock, log, allocation groups, and the map they make together. */

import type { Parser, ParserOptions } from '../parser.js';
import type { ByteReader } from '../reader.js';
import { MapBuilder, type Filesystem, type MapNote, type UsedMap } from '../usedmap.js';
import { uuidText } from './bytes.js';
import type { KnownBlocks } from './known-blocks.js';
import { readLog, type LogOutcome } from './log/index.js';
import { paintGroups, type PaintedGroups } from './map.js';
import {
  describeSuperblock,
  hasSuperblockMagic,
  readGeometry,
  superblockLayout,
  type Geometry,
} from './superblock.js';
import { abortable, onDisk } from './view.js';

/**
 * XFS version 4 and 5. The map is what the free-space trees say after the log was replayed in
 * memory, less what they called used before (fs/xfs/libxfs/xfs_format.h, fs/xfs/xfs_log_recover.c).
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
    const builder = new MapBuilder(reader.sizeBytes);
    paintFrame(builder, geometry, reader.sizeBytes);
    const groups = await readGroups(builder, reader, geometry, log);
    return finish(builder, reader, geometry, log, groups);
  },
};

/** What is known without reading a group: the internal log, and what lies behind the last block. */
function paintFrame(builder: MapBuilder, geometry: Geometry, deviceBytes: number): void {
  const sizeBytes = geometry.dataBlocks * geometry.blockBytes;
  builder.mark('outside', sizeBytes, deviceBytes - sizeBytes);
  const { startBytes, lengthBytes } = geometry.log;
  if (startBytes !== null) builder.mark('journal', startBytes, lengthBytes);
}

/** Paints the groups, or says why none of them can be trusted: then all of them are used. */
async function readGroups(
  builder: MapBuilder,
  reader: ByteReader,
  geometry: Geometry,
  log: LogOutcome,
): Promise<PaintedGroups> {
  const reason = whyNothingIsFree(geometry, log);
  if (reason !== null) return nothingFree(reason);
  const stale = onDisk(reader);
  if (log.state !== 'replayed')
    return paintGroups(builder, geometry, { current: stale, stale: null });
  log.forEachWritten((startBytes, lengthBytes) => {
    builder.mark('metadata', startBytes, lengthBytes);
  });
  return paintGroups(builder, geometry, { current: log.view, stale });
}

function nothingFree(note: MapNote): PaintedGroups {
  return { notes: [note], known: [], countedBlocks: null };
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

async function finish(
  builder: MapBuilder,
  reader: ByteReader,
  geometry: Geometry,
  log: LogOutcome,
  groups: PaintedGroups,
): Promise<UsedMap> {
  const counts = countsNote(geometry, log, groups);
  if (counts?.severity === 'warning' && groups.countedBlocks !== null) {
    const fresh = new MapBuilder(reader.sizeBytes);
    paintFrame(fresh, geometry, reader.sizeBytes);
    return assemble(fresh, reader, geometry, log, nothingFree(counts), []);
  }
  return Promise.resolve(
    assemble(builder, reader, geometry, log, groups, counts === null ? [] : [counts]),
  );
}

/**
 * After a clean unmount sb_fdblocks is the sum of the groups. More free space in the trees than in
 * the count means that some tree frees what is used; less is only a lost count.
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

function assemble(
  builder: MapBuilder,
  reader: ByteReader,
  geometry: Geometry,
  log: LogOutcome,
  groups: PaintedGroups,
  more: readonly MapNote[],
): UsedMap {
  return {
    deviceBytes: reader.sizeBytes,
    filesystem: describeFilesystem(geometry, log),
    notes: [...deviceNotes(geometry), ...groups.notes, ...more],
    ranges: builder.build(),
    locate: (offsetBytes) => locate(geometry, groups.known, offsetBytes),
  };
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

function locate(
  geometry: Geometry,
  known: readonly (KnownBlocks | null)[],
  offsetBytes: number,
): string {
  const block = Math.floor(offsetBytes / geometry.blockBytes);
  if (block >= geometry.dataBlocks) return 'behind the file system';
  const { startBytes, lengthBytes } = geometry.log;
  if (startBytes !== null && offsetBytes >= startBytes && offsetBytes < startBytes + lengthBytes) {
    return 'log';
  }
  const agno = Math.floor(block / geometry.agBlocks);
  const group = known[agno];
  if (group === undefined || group === null) return `AG ${agno}`;
  const purpose = group.find(block % geometry.agBlocks);
  return purpose === null ? `AG ${agno} data or free space` : `AG ${agno} ${purpose}`;
}
