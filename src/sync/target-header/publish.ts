/**
 * Writes what invalidate() removed, when everything else is durable. The identifying structures come
 * last, so that no target looks complete before it is.
 */

import { clip, type ExtentList, extentOf, subtract } from '../../region/index.js';
import type { Volume } from '../../volume/index.js';
import { firstBlockBytes, headerBytes, signatureAreaBytes, stampBytes } from './sizes.js';
import { clearStamp } from './stamp.js';

/** The order in which the parts of a target become durable: structures come after what they describe. */
export interface PublishOrder {
  /** Everything after the header or the signature area. */
  readonly body: ExtentList;
  readonly area: ExtentList;
  readonly firstBlock: ExtentList;
}

/** `areaBytes`: the header or the signature area. */
export function publishOrder(extents: ExtentList, areaBytes: number): PublishOrder {
  return {
    body: subtract(extents, extentOf(0, areaBytes)),
    area: clip(extents, firstBlockBytes, areaBytes - firstBlockBytes),
    firstBlock: clip(extents, 0, firstBlockBytes),
  };
}

export interface HeaderToPublish {
  readonly extents: ExtentList;
  /**
   * The targets that have not failed. `kept`: the header that an earlier run had published there, for use
   * where the source's can no longer be read.
   */
  readonly targets: () => readonly HeaderTarget[];
  /** Writes to all of them and flushes. False: it was cancelled. */
  readonly write: (extents: ExtentList) => Promise<boolean>;
}

export interface HeaderTarget {
  readonly volume: Volume;
  readonly kept: Uint8Array | null;
}

/** Writes the header of targets whose body is durable. Resolves with false if it was cancelled. */
export async function publishHeader(header: HeaderToPublish): Promise<boolean> {
  const { targets, write } = header;
  const { area, firstBlock } = publishOrder(header.extents, headerBytes);
  await restore(targets(), firstBlockBytes, headerBytes);
  if (!(await write(area))) return false;
  for (const { volume } of targets()) await clearStamp(volume);
  await restore(targets(), 0, firstBlockBytes);
  // In a write of its own: the target becomes a file system with it, not before.
  return write(firstBlock);
}

async function restore(targets: readonly HeaderTarget[], start: number, end: number) {
  for (const { volume, kept } of targets) {
    if (kept === null) continue;
    await volume.writeDurably(start, kept.subarray(start, end));
  }
}

/**
 * Writes an epoch to a target that invalidate() has stamped. A power failure may leave a write
 * incomplete, but never a sector. So the sector with the stamp is written last and on its own: until then
 * the stamp says that the journal is to be applied.
 */
export async function publishEpoch(
  { identity }: Volume,
  extents: ExtentList,
  write: (extents: ExtentList) => Promise<void>,
): Promise<void> {
  const sectorBytes = Math.max(stampBytes, identity.logicalBlockBytes);
  const { body, area, firstBlock } = publishOrder(extents, signatureAreaBytes);
  const rest = clip(firstBlock, sectorBytes, firstBlockBytes - sectorBytes);
  for (const part of [body, area, rest, clip(firstBlock, 0, sectorBytes)]) {
    if (part.length > 0) await write(part);
  }
}
