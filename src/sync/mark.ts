/**
 * The mark of an unfinished target: it says which run the bytes behind it come from. A checkpoint is
 * worth something only where its mark still stands: whatever else was written to the target since,
 * another seed, mkfs, dd, has taken its place. No known signature begins like it.
 */

import { randomUUID } from 'node:crypto';
import type { LocalVolume } from '../volume/index.js';

const prefix = 'fastsync: unfinished copy ';

/** One sector, of the smallest kind. */
export const markBytes = 512;

export function newRunId(): string {
  return randomUUID();
}

/** A sector with nothing in it but the mark of this run. */
export function markSector(runId: string): Buffer {
  const sector = Buffer.alloc(markBytes);
  sector.write(`${prefix}${runId}\n`);
  return sector;
}

/** Sets the mark, durably. A volume too small for it gets none, and is copied anew. */
export async function setMark(volume: LocalVolume, runId: string): Promise<void> {
  await writeHead(volume, markSector(runId));
}

/** Takes the mark away: zeroes, durably, whether or not the head that follows covers the place. */
export async function clearMark(volume: LocalVolume): Promise<void> {
  await writeHead(volume, Buffer.alloc(0));
}

/** What a mark takes of a volume: a whole sector of its own; nothing where there is not even one. */
export function markSectorBytes({ identity }: LocalVolume): number {
  // What shared it with the mark would be a signature still.
  return identity.sizeBytes < markBytes ? 0 : Math.max(markBytes, identity.logicalBlockBytes);
}

async function writeHead(volume: LocalVolume, text: Buffer): Promise<void> {
  const { handle } = volume;
  const sectorBytes = markSectorBytes(volume);
  if (sectorBytes === 0) return;
  const sector = Buffer.alloc(sectorBytes);
  text.copy(sector);
  await handle.write(sector, 0, sector.length, 0);
  await handle.sync();
}

/** True if the volume carries the mark of this run. */
export async function hasMark({ identity, reader }: LocalVolume, runId: string): Promise<boolean> {
  if (identity.sizeBytes < markBytes) return false;
  const head = Buffer.from(await reader.read(0, markBytes));
  return head.toString('latin1').startsWith(`${prefix}${runId}\n`);
}

/** The run whose mark a volume carries, or null. */
export async function markOn({ identity, reader }: LocalVolume): Promise<string | null> {
  if (identity.sizeBytes < markBytes) return null;
  const head = await reader.read(0, markBytes);
  if (!isMarked(head)) return null;
  const text = Buffer.from(head.subarray(prefix.length)).toString('latin1');
  return text.slice(0, text.indexOf('\n'));
}

/** True if a head begins with the mark of whatever run. */
export function isMarked(head: Uint8Array): boolean {
  return Buffer.from(head.subarray(0, prefix.length)).toString('latin1') === prefix;
}

/** True if a head has nothing in it but zeroes, or the mark of whatever run. */
export function isBlankHead(head: Uint8Array): boolean {
  return head.subarray(isMarked(head) ? markBytes : 0).every((byte) => byte === 0);
}
