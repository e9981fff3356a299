/**
 * The stamp of an unfinished target: it names the run that writes the target. A checkpoint is valid only
 * while its stamp is there: any other writer (another seed, mkfs, dd) has overwritten it. No known
 * signature begins like it.
 */

import { randomUUID } from 'node:crypto';
import type { Volume } from '../../volume/index.js';
import { stampBytes, stampSectorBytes } from './sizes.js';

const prefix = 'fastsync: unfinished copy ';

export function newRunId(): string {
  return randomUUID();
}

/** A sector that holds only the stamp of this run. */
export function stampSector(runId: string): Buffer {
  const sector = Buffer.alloc(stampBytes);
  sector.write(`${prefix}${runId}\n`);
  return sector;
}

/** Writes the stamp durably. A volume too small for a stamp gets none, and is always copied again. */
export async function writeStamp(volume: Volume, runId: string): Promise<void> {
  await writeStampSector(volume, stampSector(runId));
}

/** Replaces the stamp with zeroes, durably, even if the header that follows does not cover it. */
export async function clearStamp(volume: Volume): Promise<void> {
  await writeStampSector(volume, Buffer.alloc(0));
}

async function writeStampSector(volume: Volume, text: Buffer): Promise<void> {
  const sectorBytes = stampSectorBytes(volume);
  if (sectorBytes === 0) return;
  const sector = Buffer.alloc(sectorBytes);
  text.copy(sector);
  await volume.writeDurably(0, sector);
}

/** Whether the volume has the stamp of this run. */
export async function hasStamp(volume: Volume, runId: string): Promise<boolean> {
  return (await stampOn(volume)) === runId;
}

/** The ID in the stamp of a volume, or null. Reads only that sector. */
export async function stampOn({ identity, reader }: Volume): Promise<string | null> {
  if (identity.sizeBytes < stampBytes) return null;
  return stampIn(await reader.read(0, stampBytes));
}

/** The ID in the stamp at the start of a header, or null. */
export function stampIn(header: Uint8Array): string | null {
  if (!isStamped(header)) return null;
  const text = Buffer.from(header.subarray(prefix.length, stampBytes)).toString('latin1');
  return text.slice(0, text.indexOf('\n'));
}

/** Whether a header begins with a stamp, of any run. */
export function isStamped(header: Uint8Array): boolean {
  return Buffer.from(header.subarray(0, prefix.length)).toString('latin1') === prefix;
}

/** Whether a header holds only zeroes, apart from a stamp of any run. */
export function isBlankStart(header: Uint8Array): boolean {
  return header.subarray(isStamped(header) ? stampBytes : 0).every((byte) => byte === 0);
}
