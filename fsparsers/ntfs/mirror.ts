/** $MFTMirr: a copy of the first records, which tells whether one of the two is stale or damaged. */

import { ParseError } from '../errors.js';
import type { MapNote } from '../usedmap.js';
import type { Mft } from './mft.js';
import type { Volume } from './stream.js';

const mirroredRecords = 4;

/** Adds a note if $MFT and its mirror differ; $MFT is used. */
export async function compareMirror(volume: Volume, mft: Mft): Promise<MapNote[]> {
  const warn = (code: string, message: string): MapNote => ({ severity: 'warning', code, message });
  if (mft.fromMirror) {
    return [warn('NTFS_MFT_DAMAGED', 'record 0 of $MFT is damaged: its mirror is used')];
  }
  const { reader, boot } = volume;
  const lengthBytes = mirroredRecords * boot.recordBytes;
  const mirrorAt = boot.mirrorCluster * boot.clusterBytes;
  if (mirrorAt + lengthBytes > reader.sizeBytes) {
    return [warn('NTFS_MIRROR_DAMAGED', `$MFTMirr lies at byte ${mirrorAt}, behind the device`)];
  }
  try {
    const records = await mft.firstBytes(lengthBytes);
    const mirror = await reader.read(mirrorAt, lengthBytes);
    if (records.every((byte, at) => byte === mirror[at])) return [];
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    return [warn('NTFS_MFT_DAMAGED', error.message)];
  }
  return [warn('NTFS_MIRROR_DIFFERS', '$MFT and $MFTMirr differ; $MFT is used')];
}
