/** The two copies of a GPT: where they lie, which of them are intact, and in which sector size. */

import { ParseError } from '../errors.js';
import type { ByteReader } from '../reader.js';
import { gptPlaces, hasGptSignature, readGpt, type Gpt } from './gpt.js';
import type { NamedExtent } from './table.js';

export const sectorSizes = [512, 1024, 2048, 4096] as const;

/** The sector sizes in which a GPT signature is found, at the start or at the end. */
export async function gptSizes(reader: ByteReader, sizes: readonly number[]): Promise<number[]> {
  const found: number[] = [];
  for (const size of sizes) {
    const lastSector = Math.floor(reader.sizeBytes / size) - 1;
    const isThere =
      (await hasGptSignature(reader, size)) || (await hasGptSignature(reader, lastSector * size));
    if (isThere) found.push(size);
  }
  return found;
}

/** Every intact copy of a GPT, in any sector size. */
export async function soundGpts(
  reader: ByteReader,
): Promise<{ readonly gpt: Gpt; readonly isPrimary: boolean }[]> {
  const found: { readonly gpt: Gpt; readonly isPrimary: boolean }[] = [];
  for (const size of await gptSizes(reader, sectorSizes)) {
    const { tables, hasPrimary } = await readCopies(reader, size);
    for (const [index, gpt] of tables.entries()) {
      found.push({ gpt, isPrimary: index === 0 && hasPrimary });
    }
  }
  return found;
}

export interface Copies {
  /** The intact copies, the primary one first. */
  readonly tables: readonly Gpt[];
  readonly hasPrimary: boolean;
  readonly faults: readonly ParseError[];
  /** All places that belong to the table, whether their content is intact or not. */
  readonly places: readonly NamedExtent[];
}

/** The backup is where the primary says; without a primary, in the last sector of the device. */
export async function readCopies(reader: ByteReader, sectorBytes: number): Promise<Copies> {
  const tables: Gpt[] = [];
  const faults: ParseError[] = [];
  const places: NamedExtent[] = [];
  const attempt = async (sector: number, label: string): Promise<void> => {
    try {
      places.push(...(await gptPlaces(reader, sector, sectorBytes, label)));
      tables.push(await readGpt(reader, sector, sectorBytes, label));
    } catch (error) {
      if (!(error instanceof ParseError)) throw error;
      faults.push(error);
    }
  };
  await attempt(1, 'GPT');
  const [primary] = tables;
  const lastSector = Math.floor(reader.sizeBytes / sectorBytes) - 1;
  await attempt(primary?.otherSector ?? lastSector, 'backup GPT');
  // The kernel looks here if the primary is gone, whatever the primary said.
  const last = await gptPlaces(reader, lastSector, sectorBytes, 'backup GPT');
  return { tables, hasPrimary: primary !== undefined, faults, places: [...places, ...last] };
}
