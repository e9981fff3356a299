/** The space after the clusters: the backup boot sector, and the rest of the device. */

import type { MapBuilder } from '../mapbuilder.js';
import { bootSectorBytes, hasBootSignature } from './boot.js';
import type { Volume } from './stream.js';
import type { Extent } from './systemfiles.js';

/**
 * Marks everything after the last cluster as used, and always the device's last sector. The backup boot
 * sector lies after the file system's last sector or in the device's last one; after a resize an old one
 * may remain in the other place, so both are named if they look like one.
 */
export async function markBackupBoot(volume: Volume, builder: MapBuilder): Promise<Extent[]> {
  const { reader, boot } = volume;
  const clustersEnd = boot.clusterCount * boot.clusterBytes;
  builder.mark('outside', clustersEnd, reader.sizeBytes - clustersEnd);
  const lastSector = Math.floor((reader.sizeBytes - 1) / boot.sectorBytes) * boot.sectorBytes;
  builder.mark('outside', lastSector, boot.sectorBytes);
  const backups: Extent[] = [];
  for (const start of new Set([boot.sizeBytes, lastSector])) {
    if (start === 0 || start + bootSectorBytes > reader.sizeBytes) continue;
    if (!hasBootSignature(await reader.read(start, bootSectorBytes))) continue;
    const length = Math.min(boot.sectorBytes, reader.sizeBytes - start);
    backups.push({ name: 'backup boot sector', reason: 'metadata', start, length });
    builder.mark('metadata', start, length);
  }
  return backups.sort((a, b) => a.start - b.start);
}
