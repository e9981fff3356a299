/**
 * Puts back what invalidate() took away, when all the rest is durable: what says what a target is comes
 * last, so no target looks whole before it is.
 */

import { clip, type ExtentList, extentOf, subtract } from '../../region/index.js';
import type { Volume } from '../../volume/index.js';
import { firstBlockBytes, headerBytes, signatureAreaBytes, stampBytes } from './sizes.js';
import { clearStamp } from './stamp.js';

/** The order in which the parts of a target become durable: what describes others comes after them. */
export interface PublishOrder {
  /** Behind the header or the signature area. */
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
   * The targets that are still good. `kept`: the header that an earlier run had published there; where
   * the source cannot be read any more, that is what remains.
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
  // By itself: with it, and not before, the target is a file system.
  return write(firstBlock);
}

async function restore(targets: readonly HeaderTarget[], start: number, end: number) {
  for (const { volume, kept } of targets) {
    if (kept === null) continue;
    await volume.writeDurably(start, kept.subarray(start, end));
  }
}

/**
 * Writes an epoch onto a target that invalidate() has stamped. A power failure may leave any part of a
 * write, but of a sector all or nothing: so the sector of the stamp is written last and by itself, and
 * says until then that the journal is to be applied.
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
