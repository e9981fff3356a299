/** Turns $Bitmap into ranges: one bit for each cluster, trusted only as far as it is proved. */

import { visitBitRuns } from '../bitmap.js';
import type { MapBuilder } from '../mapbuilder.js';
import type { MapNote } from '../usedmap.js';
import type { Stream, Volume } from './stream.js';
import type { Extent } from './systemfiles.js';

export interface Clusters {
  readonly notes: readonly MapNote[];
  readonly usedBytes: number;
  /** False: it is wrong, and nothing counts as free. */
  readonly isBelieved: boolean;
}

/** The size of one read of $Bitmap: it covers 32 GiB at 4 KiB clusters. */
const chunkBytes = 1 << 20;

/**
 * Marks data and free clusters. Bits that are not there, or lie in a hole (no driver writes an
 * allocation bitmap sparsely), leave their clusters unknown; past the initialized size they are zero,
 * as every driver reads them. Where the bitmap calls a cluster free that a system file occupies, it
 * lies, and nothing that it says is believed.
 * @param proven what the system files occupy, sorted by start.
 */
export async function markClusters(
  volume: Volume,
  bitmap: Stream,
  proven: readonly Extent[],
  builder: MapBuilder,
  signal?: AbortSignal,
): Promise<Clusters> {
  const { clusterBytes, clusterCount } = volume.boot;
  const notes: MapNote[] = [];
  const bitCount = Math.min(clusterCount, bitmap.sizeBytes * 8);
  if (bitCount < clusterCount) {
    notes.push({
      severity: 'warning',
      code: 'NTFS_BITMAP_SHORT',
      message: `$Bitmap ends at cluster ${bitCount} of ${clusterCount}: the rest counts as used`,
    });
  }
  if (bitmap.initializedBytes < bitCount / 8) {
    notes.push({
      severity: 'info',
      code: 'NTFS_BITMAP_UNINITIALIZED',
      message: `$Bitmap is initialized to byte ${bitmap.initializedBytes}: the clusters after it are free`,
    });
  }
  const check = new LieDetector(proven);
  let usedBytes = 0;
  for (let bit = 0; bit < bitCount; bit += chunkBytes * 8) {
    signal?.throwIfAborted();
    const chunkBits = Math.min(chunkBytes * 8, bitCount - bit);
    const bytes = await bitmap.read(bit / 8, Math.ceil(chunkBits / 8));
    visitBitRuns(bytes, chunkBits, (first, count, isSet) => {
      const start = (bit + first) * clusterBytes;
      const length = count * clusterBytes;
      if (isSet) usedBytes += length;
      else check.claimFree(start, start + length);
      builder.mark(isSet ? 'data' : 'free', start, length);
    });
  }
  if (check.lie !== null) {
    builder.mark('unknown', 0, clusterCount * clusterBytes);
    notes.push({
      severity: 'warning',
      code: 'NTFS_BITMAP_WRONG',
      message: `$Bitmap marks clusters of ${check.lie.name} at byte ${check.lie.start} as free: all clusters count as used`,
    });
  }
  const holes = markHoles(volume, bitmap, builder);
  if (holes !== null) notes.push(holes);
  return { notes, usedBytes, isBelieved: check.lie === null };
}

function markHoles({ boot }: Volume, bitmap: Stream, builder: MapBuilder): MapNote | null {
  const spokenOfBytes = 8 * boot.clusterBytes * boot.clusterBytes;
  let hasHoles = false;
  for (const { vcn, lcn, count } of bitmap.runs) {
    if (lcn !== null) continue;
    hasHoles = true;
    const start = vcn * spokenOfBytes;
    const end = Math.min((vcn + count) * spokenOfBytes, boot.clusterCount * boot.clusterBytes);
    builder.mark('unknown', start, end - start);
  }
  if (!hasHoles) return null;
  return {
    severity: 'warning',
    code: 'NTFS_BITMAP_SPARSE',
    message: '$Bitmap has holes: the clusters that these describe count as used',
  };
}

/** Checks free clusters, which come in order, against clusters that are proven to be in use. */
class LieDetector {
  readonly #proven: readonly Extent[];
  #cursor = 0;
  lie: Extent | null = null;

  constructor(proven: readonly Extent[]) {
    this.#proven = proven;
  }

  claimFree(start: number, end: number): void {
    for (; this.lie === null; this.#cursor++) {
      const extent = this.#proven[this.#cursor];
      if (extent === undefined || extent.start >= end) return;
      if (extent.start + extent.length > start) this.lie = extent;
    }
  }
}
