/** A CD image and a partition table on one disk: a hybrid image, or a disk that was partitioned later. */

import type { ByteReader } from '../reader.js';
import { soundGpts } from './copies.js';
import { mbrBytes, mbrSlots, protectiveType } from './mbr.js';

/** ECMA-119: sixteen sectors belong to the system, then the volume descriptors begin. */
const descriptorAt = 32768;
const descriptorMagic = 'CD001';

/**
 * `image`: the table describes the image that it lies in, as a hybrid's does; or there is none that a
 * kernel would use. `disk`: the partitions came later. `unclear`: of a GPT only the backup is left, and
 * the image may have taken the other's place.
 */
export type Standing = 'image' | 'disk' | 'unclear';

/** Which of the two counts on a disk that has both. I/O errors come from the reader. */
export async function standingOfImage(reader: ByteReader): Promise<Standing> {
  if (reader.sizeBytes < mbrBytes) return 'image';
  const gpts = await soundGpts(reader);
  const isByBackup = gpts.length > 0 && gpts.every(({ isPrimary }) => !isPrimary);
  if (isByBackup) return 'unclear';
  const slots = mbrSlots(await reader.read(0, mbrBytes)) ?? [];
  const starts = gpts.flatMap(({ gpt }) => gpt.partitions.map(({ start }) => start));
  for (const slot of slots) {
    if (slot !== null && slot.type !== protectiveType) starts.push(slot.startSector * 512);
  }
  if (starts.length === 0) return 'image';
  for (const start of starts) if (await beginsImage(reader, start)) return 'image';
  return 'disk';
}

/**
 * A hybrid's partition begins with the disk, or in its second sector, or where the descriptors do, or it
 * has descriptors of its own.
 */
async function beginsImage(reader: ByteReader, start: number): Promise<boolean> {
  if (start <= 512 || start === descriptorAt) return true;
  const at = start + descriptorAt + 1;
  if (at + descriptorMagic.length > reader.sizeBytes) return false;
  return (
    String.fromCharCode(...(await reader.read(at, descriptorMagic.length))) === descriptorMagic
  );
}
