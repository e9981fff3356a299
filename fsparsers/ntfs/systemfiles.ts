/** The system files: the positions of their clusters, which are proven to be in use. */

import { ParseError } from '../errors.js';
import type { Reason } from '../reason.js';
import type { MapNote } from '../usedmap.js';
import { bootAreaBytes } from './boot.js';
import type { Mft, NamedStream } from './mft.js';
import { attributeTypes, decodeFileName } from './record.js';
import type { Stream, Volume } from './stream.js';

/** By record number. Linux fs/ntfs3/ntfs.h, enum MFT_REC_. */
const systemNames = [
  '$MFT',
  '$MFTMirr',
  '$LogFile',
  '$Volume',
  '$AttrDef',
  'root directory',
  '$Bitmap',
  '$Boot',
  '$BadClus',
  '$Secure',
  '$UpCase',
  '$Extend',
] as const;

export type SystemName = (typeof systemNames)[number];

/** The stream of $BadClus whose clusters cannot be read; it has the volume's size, and is a hole elsewhere. */
export const badStreamName = '$Bad';
export const badClustersRecord = systemNames.indexOf('$BadClus');

/** Without these the rest cannot be read; faults of other files only cause a note. */
const indispensable: readonly SystemName[] = ['$MFT', '$Bitmap'];

/** Bytes of the device that a system file occupies. */
export interface Extent {
  readonly name: string;
  readonly reason: Reason;
  readonly start: number;
  readonly length: number;
}

export class SystemFiles {
  readonly #files: ReadonlyMap<SystemName, readonly NamedStream[]>;
  /** Sorted by start. They overlap only where the file system is damaged. */
  readonly extents: readonly Extent[];

  constructor(files: ReadonlyMap<SystemName, readonly NamedStream[]>, extents: readonly Extent[]) {
    this.#files = files;
    this.extents = extents;
  }

  /** The unnamed stream of that type, or null if the file could not be read or has none. */
  stream(file: SystemName, type: number, name = ''): Stream | null {
    const found = this.#files
      .get(file)
      ?.find((stream) => stream.type === type && stream.name === name);
    return found?.stream ?? null;
  }
}

/**
 * Reads the first twelve records of the $MFT.
 * @throws ParseError where $MFT or $Bitmap is not sound; other damage is added to `notes`.
 */
export async function readSystemFiles(
  volume: Volume,
  mft: Mft,
  notes: MapNote[],
): Promise<SystemFiles> {
  const files = new Map<SystemName, readonly NamedStream[]>();
  const extents: Extent[] = fixedExtents(volume);
  for (const [number, name] of systemNames.entries()) {
    try {
      const streams = await readStreams(mft, number, name);
      files.set(name, streams);
      for (const stream of streams) extents.push(...extentsOf(volume, name, stream));
    } catch (error) {
      if (!(error instanceof ParseError) || indispensable.includes(name)) throw error;
      notes.push({
        severity: 'warning',
        code: 'NTFS_SYSTEM_FILE_DAMAGED',
        message: `${name} cannot be read: ${error.message}`,
      });
    }
  }
  extents.sort((a, b) => a.start - b.start);
  return new SystemFiles(files, extents);
}

/** Structures with a fixed place on every NTFS, whether or not a record can be read. */
function fixedExtents({ boot }: Volume): Extent[] {
  const { clusterBytes, recordBytes } = boot;
  const mirrorBytes = Math.max(4 * recordBytes, clusterBytes);
  const fixed = (name: string, start: number, length: number): Extent => ({
    name,
    reason: 'metadata',
    start,
    length,
  });
  return [
    fixed('boot sector', 0, boot.sectorBytes),
    fixed('$Boot', boot.sectorBytes, Math.max(bootAreaBytes - boot.sectorBytes, 0)),
    fixed('$MFT', boot.mftCluster * clusterBytes, recordBytes),
    ...(boot.mirrorCluster < boot.clusterCount
      ? [fixed('$MFTMirr', boot.mirrorCluster * clusterBytes, mirrorBytes)]
      : []),
  ];
}

async function readStreams(
  mft: Mft,
  number: number,
  name: SystemName,
): Promise<readonly NamedStream[]> {
  const record = await mft.record(number);
  const streams = await mft.streams(record);
  // The whole map depends on this file: a record that merely lies in its place is not enough.
  if (name === '$Bitmap' && !(await isNamed(streams, name))) {
    throw new ParseError('CORRUPT', `is not ${name}`, record.place);
  }
  return streams;
}

async function isNamed(streams: readonly NamedStream[], name: SystemName): Promise<boolean> {
  for (const { type, stream } of streams) {
    if (type !== attributeTypes.fileName) continue;
    if (decodeFileName(await stream.read(0, stream.sizeBytes)) === name) return true;
  }
  return false;
}

function extentsOf(
  { boot }: Volume,
  name: SystemName,
  { name: streamName, stream }: NamedStream,
): Extent[] {
  const isBad = name === '$BadClus' && streamName === badStreamName;
  const reason = name === '$LogFile' ? 'journal' : isBad ? 'bad' : 'metadata';
  const extents: Extent[] = [];
  for (const { lcn, count } of stream.runs) {
    if (lcn === null) continue;
    const start = lcn * boot.clusterBytes;
    extents.push({ name, reason, start, length: count * boot.clusterBytes });
  }
  return extents;
}
