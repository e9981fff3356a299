/**
 * The stamp of an unfinished target: it says which run the bytes behind it come from. A checkpoint is
 * worth something only where its stamp still stands: whatever else was written to the target since,
 * another seed, mkfs, dd, has taken its place. No known signature begins like it.
 */

import { randomUUID } from 'node:crypto';
import type { Volume } from '../volume/index.js';

const prefix = 'fastsync: unfinished copy ';

/** One sector, of the smallest kind. */
export const stampBytes = 512;

export function newRunId(): string {
  return randomUUID();
}

/** A sector with nothing in it but the stamp of this run. */
export function stampSector(runId: string): Buffer {
  const sector = Buffer.alloc(stampBytes);
  sector.write(`${prefix}${runId}\n`);
  return sector;
}

/** Sets the stamp, durably. A volume too small for it gets none, and is copied anew. */
export async function writeStamp(volume: Volume, runId: string): Promise<void> {
  await writeStampSector(volume, stampSector(runId));
}

/** Takes the stamp away: zeroes, durably, whether or not the header that follows covers the place. */
export async function clearStamp(volume: Volume): Promise<void> {
  await writeStampSector(volume, Buffer.alloc(0));
}

/** What a stamp takes of a volume: a whole sector of its own; nothing where there is not even one. */
export function stampSectorBytes({ identity }: Volume): number {
  // What shared it with the stamp would be a signature still.
  return identity.sizeBytes < stampBytes ? 0 : Math.max(stampBytes, identity.logicalBlockBytes);
}

async function writeStampSector(volume: Volume, text: Buffer): Promise<void> {
  const sectorBytes = stampSectorBytes(volume);
  if (sectorBytes === 0) return;
  const sector = Buffer.alloc(sectorBytes);
  text.copy(sector);
  await volume.writeDurably(0, sector);
}

/** True if the volume carries the stamp of this run. */
export async function hasStamp({ identity, reader }: Volume, runId: string): Promise<boolean> {
  if (identity.sizeBytes < stampBytes) return false;
  const head = Buffer.from(await reader.read(0, stampBytes));
  return head.toString('latin1').startsWith(`${prefix}${runId}\n`);
}

/** The run whose mark a volume carries, or null. */
export async function stampOn({ identity, reader }: Volume): Promise<string | null> {
  if (identity.sizeBytes < stampBytes) return null;
  const head = await reader.read(0, stampBytes);
  if (!isStamped(head)) return null;
  const text = Buffer.from(head.subarray(prefix.length)).toString('latin1');
  return text.slice(0, text.indexOf('\n'));
}

/** True if a header begins with the stamp of whatever run. */
export function isStamped(head: Uint8Array): boolean {
  return Buffer.from(head.subarray(0, prefix.length)).toString('latin1') === prefix;
}

/** True if a header has nothing in it but zeroes, or the stamp of whatever run. */
export function isBlankStart(head: Uint8Array): boolean {
  return head.subarray(isStamped(head) ? stampBytes : 0).every((byte) => byte === 0);
}
