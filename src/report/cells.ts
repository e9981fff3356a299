/** The volume divided into equal cells: how much of each is in use, and what was found in it. */

import type { PictureRange, VolumePicture } from '../history/index.js';

export interface Cell {
  readonly startBytes: number;
  readonly lengthBytes: number;
  /** The share of its bytes that is in use: 0 to 1. */
  readonly used: number;
  readonly differentBytes: number;
  readonly notProvenBytes: number;
}

/** How a cell is drawn. One differing byte makes the whole cell different: it must be seen. */
export type CellKind = 'different' | 'unproven' | 'used' | 'free';

export function kindOf({ used, differentBytes, notProvenBytes }: Cell): CellKind {
  if (differentBytes > 0) return 'different';
  if (notProvenBytes > 0) return 'unproven';
  return used > 0 ? 'used' : 'free';
}

/** `count` cells over the whole volume, in order. */
export function cellsOf(picture: VolumePicture, count: number): Cell[] {
  const { deviceBytes, used, different, notProven } = picture;
  const differing = bytesPerCell(different, deviceBytes, count);
  const unproven = bytesPerCell(notProven, deviceBytes, count);
  return Array.from({ length: count }, (_, index) => {
    const startBytes = (index / count) * deviceBytes;
    return {
      startBytes,
      lengthBytes: ((index + 1) / count) * deviceBytes - startBytes,
      used: shareBetween(used, index / count, (index + 1) / count),
      differentBytes: differing[index] ?? 0,
      notProvenBytes: unproven[index] ?? 0,
    };
  });
}

/** The mean of equal parts between two places, 0 to 1, of the whole. */
function shareBetween(parts: readonly number[], from: number, to: number): number {
  const start = from * parts.length;
  const end = to * parts.length;
  let sum = 0;
  for (let part = Math.floor(start); part < Math.min(parts.length, end); part++) {
    sum += (parts[part] ?? 0) * Math.max(0, Math.min(part + 1, end) - Math.max(part, start));
  }
  // A sum of fractions may have a small rounding error.
  return parts.length === 0 ? 0 : Math.min(1, Math.round((sum / (end - start)) * 1e6) / 1e6);
}

function bytesPerCell(
  ranges: readonly PictureRange[],
  deviceBytes: number,
  count: number,
): Float64Array {
  const bytes = new Float64Array(count);
  const cellBytes = deviceBytes / count;
  for (const range of ranges) {
    const end = Math.min(deviceBytes, range.start + range.length);
    const last = Math.min(count - 1, Math.ceil(end / cellBytes) - 1);
    for (let cell = Math.floor(range.start / cellBytes); cell <= last; cell++) {
      const from = Math.max(range.start, cell * cellBytes);
      bytes[cell] = (bytes[cell] ?? 0) + Math.min(end, (cell + 1) * cellBytes) - from;
    }
  }
  return bytes;
}
