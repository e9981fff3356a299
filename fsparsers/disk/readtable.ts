/** Which partition table a disk has: GPT or MBR, in sectors of which size, from which copy. */

import { ParseError } from '../errors.js';
import { readStructure, type ByteReader } from '../reader.js';
import type { MapNote } from '../usedmap.js';
import { gptSizes, readCopies, sectorSizes, type Copies } from './copies.js';
import {
  decodeMbr,
  mbrBytes,
  protectiveType,
  protectsGpt,
  readMbrPartitions,
  type Mbr,
} from './mbr.js';
import { warning, type NamedExtent, type PartitionTable } from './table.js';

/** The possible sector sizes: an MBR does not record its own, and no other sizes are sold. */
const mbrSectorSizes = [512, 4096] as const;

/** By default only tables that a kernel would use count. */
export interface TableOptions {
  /** The device's sector size, if known. */
  readonly sectorBytes?: number | undefined;
  /** The user says that it is a disk: a GPT counts even without its MBR, and in other sector sizes. */
  readonly isInsistent?: boolean;
}

/**
 * Reads the partition table. An MBR may be read in two sizes of sectors, where the size is not known
 * and both make sense: then both tables are given back.
 * @throws ParseError NOT_RECOGNISED where there is none that a kernel would use, AMBIGUOUS where an MBR
 * and a GPT disagree about whose disk it is, CORRUPT where a GPT is promised and neither copy is sound.
 */
export async function readPartitionTables(
  reader: ByteReader,
  { sectorBytes, isInsistent = false }: TableOptions = {},
): Promise<readonly PartitionTable[]> {
  const sector = await readStructure(reader, place.structure, 0, mbrBytes);
  const decoded = decodeMbr(sector);
  // The kernel ignores an MBR with such an entry, whether there is a GPT or not.
  const isPlain = decoded?.slots.every((slot) => slot?.type !== protectiveType) ?? false;
  const sizes = sectorBytes === undefined ? sectorSizes : [sectorBytes];
  if (protectsGpt(sector)) return [await protectedGpt(reader, decoded, sizes, isInsistent)];
  if (!isPlain && isInsistent) {
    const table = await anyGpt(reader, null, sectorSizes);
    if (table !== null)
      return [noted(table, 'GPT_UNPROTECTED', `${lacking}: it is used because it was asked for`)];
  }
  if (decoded === null || !isPlain) {
    const isThere = (await gptSizes(reader, sizes)).length > 0;
    throw new ParseError(
      'NOT_RECOGNISED',
      isThere ? `${lacking} (sgdisk writes a new one)` : 'no partition table',
      place,
    );
  }
  for (const size of await gptSizes(reader, sizes)) {
    if ((await readCopies(reader, size)).tables.length > 0) {
      throw new ParseError('AMBIGUOUS', 'an MBR and a GPT that it does not protect', place);
    }
  }
  return readMbrTables(reader, decoded, sectorBytes);
}

const place = { structure: 'partition table', offsetBytes: 0 };
const lacking =
  'there is a GPT, but its protective MBR is missing or wrong, so that the kernel ignores it';

function noted(table: PartitionTable, code: string, message: string): PartitionTable {
  return { ...table, notes: [warning(code, message), ...table.notes] };
}

/** The kernel ignores a GPT in sectors of another size than the device's. */
async function protectedGpt(
  reader: ByteReader,
  mbr: Mbr | null,
  sizes: readonly number[],
  isInsistent: boolean,
): Promise<PartitionTable> {
  const own = await anyGpt(reader, mbr, sizes);
  if (own !== null) return own;
  const other = await anyGpt(reader, mbr, sectorSizes).catch(() => null);
  if (other === null) {
    const header = { structure: 'GPT header', offsetBytes: 0 };
    throw new ParseError('CORRUPT', 'the MBR protects a GPT that is not there', header);
  }
  const what = `the GPT counts in sectors of ${other.sectorBytes} bytes, the device in ${sizes.join(' or ')}, so that the kernel ignores it`;
  if (isInsistent)
    return noted(other, 'GPT_SECTOR_SIZE', `${what}: it is used because it was asked for`);
  throw new ParseError('NOT_RECOGNISED', what, place);
}

/** Null if there is no header in any of those sizes; throws if there is one but no copy is intact. */
async function anyGpt(
  reader: ByteReader,
  mbr: Mbr | null,
  sizes: readonly number[],
): Promise<PartitionTable | null> {
  const sound: { readonly sectorBytes: number; readonly copies: Copies }[] = [];
  const faults: ParseError[] = [];
  for (const sectorBytes of await gptSizes(reader, sizes)) {
    const copies = await readCopies(reader, sectorBytes);
    faults.push(...copies.faults);
    if (copies.tables.length > 0) sound.push({ sectorBytes, copies });
  }
  const [first, second] = sound;
  if (first === undefined) {
    if (faults[0] !== undefined) throw faults[0];
    return null;
  }
  if (second !== undefined) {
    const both = `${first.sectorBytes} and of ${second.sectorBytes} bytes`;
    const header = { structure: 'GPT header', offsetBytes: 0 };
    throw new ParseError('AMBIGUOUS', `a GPT in sectors of ${both}`, header);
  }
  return gptTable(reader, mbr, first.sectorBytes, first.copies);
}

async function gptTable(
  reader: ByteReader,
  mbr: Mbr | null,
  sectorBytes: number,
  { tables, faults, places }: Copies,
): Promise<PartitionTable> {
  const [used, other] = tables;
  if (used === undefined) throw new RangeError('Expected a sound copy of the GPT');
  const notes: MapNote[] = faults.map((fault) =>
    warning('GPT_DAMAGED', `${fault.message}: the other copy is used`),
  );
  const known = new Set(used.partitions.map(span));
  const isUnknown = (extent: NamedExtent): boolean => !known.has(span(extent));
  const surplus = (other?.partitions ?? [])
    .map(({ index, start, length }) => ({
      name: `partition ${index} of the backup GPT`,
      start,
      length,
    }))
    .filter(isUnknown);
  if (other !== undefined && (surplus.length > 0 || other.diskGuid !== used.diskGuid)) {
    notes.push(warning('GPT_COPIES_DIFFER', 'the GPT and its backup differ; the GPT is used'));
  }
  const hybrid = mbr === null ? [] : await hybridPartitions(reader, mbr, sectorBytes);
  const hybridOnly = hybrid.filter(isUnknown);
  if (hybridOnly.length > 0) {
    const names = hybridOnly.map(({ name }) => name).join(', ');
    notes.push(warning('MBR_HYBRID', `the GPT does not list ${names}; they count as used`));
  }
  return {
    scheme: 'gpt',
    uuid: used.diskGuid,
    sectorBytes,
    partitions: used.partitions,
    structures: [{ name: 'protective MBR', start: 0, length: sectorBytes }, ...places],
    disputed: [...surplus, ...hybridOnly],
    notes,
  };
}

function span({ start, length }: { readonly start: number; readonly length: number }): string {
  return `${start}+${length}`;
}

/** Further partitions in an MBR that protects a GPT. */
async function hybridPartitions(
  reader: ByteReader,
  mbr: Mbr,
  sectorBytes: number,
): Promise<NamedExtent[]> {
  const slots = mbr.slots.map((slot) => (slot?.type === protectiveType ? null : slot));
  const { partitions } = await readMbrPartitions(reader, { ...mbr, slots }, sectorBytes);
  return partitions
    .filter(({ isContainer }) => !isContainer)
    .map(({ index, start, length }) => ({ name: `partition ${index} of the MBR`, start, length }));
}

async function readMbrTables(
  reader: ByteReader,
  mbr: Mbr,
  sectorBytes?: number,
): Promise<PartitionTable[]> {
  const tables: PartitionTable[] = [];
  for (const size of sectorBytes === undefined ? mbrSectorSizes : [sectorBytes]) {
    const { partitions, structures, notes } = await readMbrPartitions(reader, mbr, size);
    tables.push({
      scheme: 'dos',
      uuid: mbr.diskSignature === 0 ? null : mbr.diskSignature.toString(16).padStart(8, '0'),
      sectorBytes: size,
      partitions,
      structures,
      disputed: [],
      notes,
    });
  }
  const plausible = tables.filter(
    ({ partitions, notes }) =>
      notes.length === 0 &&
      partitions.every(({ start, length }) => start + length <= reader.sizeBytes),
  );
  return plausible.length > 0 ? plausible : tables.slice(0, 1);
}
