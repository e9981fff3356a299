/** NTFS: the used map from $Bitmap, checked against the clusters of the system files. */

import { badBlocksNote } from '../badblocks.js';
import { describedAfter, skipped } from '../crosscheck.js';
import { ParseError } from '../errors.js';
import type { Parser, ParserOptions } from '../parser.js';
import type { ByteReader } from '../reader.js';
import { MapBuilder } from '../mapbuilder.js';
import type { Filesystem, MapNote, UsedMap } from '../usedmap.js';
import { markBackupBoot } from './backupboot.js';
import { bootSectorBytes, decodeBoot, hasBootSignature, readBoot } from './boot.js';
import { markClusters } from './clusters.js';
import { readVolumeState, type VolumeState } from './hazards.js';
import { locator } from './locate.js';
import { Mft } from './mft.js';
import { compareMirror } from './mirror.js';
import { checkOwners } from './owners.js';
import { attributeTypes } from './record.js';
import type { Volume } from './stream.js';
import { readSystemFiles } from './systemfiles.js';

export { ntfsHazards } from './hazards.js';

/** The most runs in all lists together: far more than any volume has, 16 MiB of memory. */
const mostRuns = 1 << 20;

export const ntfsParser: Parser = {
  family: 'ntfs',

  async probe(reader: ByteReader): Promise<string | null> {
    if (reader.sizeBytes < bootSectorBytes) return null;
    const sector = await reader.read(0, bootSectorBytes);
    if (!hasBootSignature(sector)) return null;
    try {
      return `NTFS, serial number ${decodeBoot(sector).serialNumber}`;
    } catch (error) {
      if (error instanceof ParseError) return null;
      throw error;
    }
  },

  async parse(reader: ByteReader, options: ParserOptions = {}): Promise<UsedMap> {
    const boot = await readBoot(reader);
    const volume: Volume = { reader, boot, budget: { runs: mostRuns } };
    const notes: MapNote[] = [];
    const mft = await Mft.open(volume);
    notes.push(...(await compareMirror(volume, mft)));
    const system = await readSystemFiles(volume, mft, notes);
    const state = await readVolumeState(volume, mft, system);
    const bitmap = system.stream('$Bitmap', attributeTypes.data);
    if (bitmap === null) {
      throw new ParseError('CORRUPT', 'no data', {
        structure: '$Bitmap',
        offsetBytes: boot.mftCluster * boot.clusterBytes,
      });
    }

    const builder = new MapBuilder(reader.sizeBytes);
    const bad = system.extents.filter(({ reason }) => reason === 'bad');
    const proven = system.extents.filter(({ reason }) => reason !== 'bad');
    const clusters = await markClusters(volume, bitmap, proven, builder, options.signal);
    notes.push(...clusters.notes);
    for (const { reason, start, length } of system.extents) builder.mark(reason, start, length);
    if (bad.length > 0) {
      const badBytes = bad.reduce((sum, { length }) => sum + length, 0);
      notes.push(badBlocksNote('$BadClus', badBytes));
    }
    const { usedBytes } = clusters;
    const hasBad = bad.length > 0;
    const recordBits = system.stream('$MFT', attributeTypes.bitmap);
    const checked = clusters.isBelieved
      ? await checkOwners({ volume, mft, recordBits }, builder, { usedBytes, hasBad }, options)
      : skipped('nothing counts as free');
    notes.push(...checked.notes);
    const backups = await markBackupBoot(volume, builder);
    if (builder.coarseBytes > 0) {
      notes.push({
        severity: 'info',
        code: 'MAP_COARSE',
        message: `free ranges below ${builder.coarseBytes} bytes count as used, to limit memory`,
      });
    }
    const ranges = builder.build();
    return {
      deviceBytes: reader.sizeBytes,
      filesystem: describedAfter(describe(volume, mft, state), checked),
      notes,
      crossCheck: checked.crossCheck,
      hazards: state.hazards,
      ranges,
      locate: locator(volume, [...backups, ...system.extents], ranges),
    };
  },
};

function describe({ boot }: Volume, mft: Mft, state: VolumeState): Filesystem {
  return {
    type: 'ntfs',
    uuid: boot.serialNumber,
    label: state.info?.label ?? null,
    blockBytes: boot.clusterBytes,
    sizeBytes: boot.sizeBytes,
    features: state.info === null ? [] : [`version ${state.info.version}`],
    state: state.hazards.length === 0 ? 'clean' : 'dirty',
    journal: state.journal,
    geometry: {
      'sector bytes': boot.sectorBytes,
      'cluster bytes': boot.clusterBytes,
      clusters: boot.clusterCount,
      '$MFT record bytes': boot.recordBytes,
      '$MFT records': mft.recordCount,
      ...(state.info === null
        ? {}
        : { 'volume flags': `0x${state.info.flags.toString(16).padStart(4, '0')}` }),
    },
  };
}
