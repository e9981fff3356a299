/** Which partition table a disk has: GPT or MBR, in sectors of which size, from which copy. */

import { ParseError } from '../errors.js';
import { readStructure, type ByteReader } from '../reader.js';
import type { MapNote } from '../usedmap.js';
import { hasGptSignature, readGpt, type Gpt } from './gpt.js';
import { decodeMbr, mbrBytes, protectiveType, readMbrPartitions, type Mbr } from './mbr.js';
import { warning, type NamedExtent, type PartitionTable } from './table.js';

const sectorSizes = [512, 1024, 2048, 4096] as const;
/** An MBR does not tell its sector size, and no others are sold. */
const mbrSectorSizes = [512, 4096] as const;

/** Where a GPT header stands by its signature: at the beginning, at the end, or both. */
interface GptSite {
  readonly sectorBytes: number;
  readonly lastSector: number;
}

/**
 * Reads the partition table. An MBR may be read in two sizes of sectors, where the size is not known
 * and both make sense: then both tables are given back.
 * @throws ParseError NOT_RECOGNISED where there is none, AMBIGUOUS where an MBR and a GPT disagree
 * about whose disk it is, CORRUPT where a GPT is promised and neither copy is sound.
 */
export async function readPartitionTables(
  reader: ByteReader,
  sectorBytes?: number,
): Promise<readonly PartitionTable[]> {
  const place = { structure: 'partition table', offsetBytes: 0 };
  const mbr = decodeMbr(await readStructure(reader, place.structure, 0, mbrBytes));
  if (mbr === null) throw new ParseError('NOT_RECOGNISED', 'no partition table', place);
  const sites = await findGptSites(reader, sectorBytes);
  const isProtective = mbr.slots.some((slot) => slot?.type === protectiveType);
  if (isProtective) return [await readAnyGpt(reader, mbr, sites)];
  for (const { sectorBytes: size } of sites) {
    if ((await readCopies(reader, size)).tables.length > 0) {
      throw new ParseError('AMBIGUOUS', 'an MBR and a GPT that it does not protect', place);
    }
  }
  return readMbrTables(reader, mbr, sectorBytes);
}

async function findGptSites(reader: ByteReader, sectorBytes?: number): Promise<GptSite[]> {
  const sites: GptSite[] = [];
  for (const size of sectorBytes === undefined ? sectorSizes : [sectorBytes]) {
    const lastSector = Math.floor(reader.sizeBytes / size) - 1;
    const found =
      (await hasGptSignature(reader, size)) || (await hasGptSignature(reader, lastSector * size));
    if (found) sites.push({ sectorBytes: size, lastSector });
  }
  return sites;
}

async function readAnyGpt(
  reader: ByteReader,
  mbr: Mbr,
  sites: readonly GptSite[],
): Promise<PartitionTable> {
  const place = { structure: 'GPT header', offsetBytes: 0 };
  const sound: { readonly sectorBytes: number; readonly copies: Copies }[] = [];
  const faults: ParseError[] = [];
  for (const { sectorBytes } of sites) {
    const copies = await readCopies(reader, sectorBytes);
    faults.push(...copies.faults);
    if (copies.tables.length > 0) sound.push({ sectorBytes, copies });
  }
  const [first, second] = sound;
  if (first === undefined) {
    throw faults[0] ?? new ParseError('CORRUPT', 'the MBR protects a GPT that is not there', place);
  }
  if (second !== undefined) {
    const sizes = `${first.sectorBytes} and of ${second.sectorBytes} bytes`;
    throw new ParseError('AMBIGUOUS', `a GPT in sectors of ${sizes}`, place);
  }
  return gptTable(reader, mbr, first.sectorBytes, first.copies);
}

interface Copies {
  /** The sound copies, the primary one first. */
  readonly tables: readonly Gpt[];
  readonly faults: readonly ParseError[];
}

/** The backup is where the primary says; without a primary, in the device's last sector. */
async function readCopies(reader: ByteReader, sectorBytes: number): Promise<Copies> {
  const tables: Gpt[] = [];
  const faults: ParseError[] = [];
  const attempt = async (sector: number, label: string): Promise<void> => {
    try {
      tables.push(await readGpt(reader, sector, sectorBytes, label));
    } catch (error) {
      if (!(error instanceof ParseError)) throw error;
      faults.push(error);
    }
  };
  await attempt(1, 'GPT');
  const lastSector = Math.floor(reader.sizeBytes / sectorBytes) - 1;
  await attempt(tables[0]?.otherSector ?? lastSector, 'backup GPT');
  return { tables, faults };
}

async function gptTable(
  reader: ByteReader,
  mbr: Mbr,
  sectorBytes: number,
  { tables, faults }: Copies,
): Promise<PartitionTable> {
  const [used, other] = tables;
  if (used === undefined) throw new RangeError('Expected a sound copy of the GPT');
  const notes: MapNote[] = faults.map((fault) =>
    warning('GPT_DAMAGED', `${fault.message}: the other copy is used`),
  );
  const known = new Set(used.partitions.map(place));
  const isUnknown = (extent: NamedExtent): boolean => !known.has(place(extent));
  const surplus = (other?.partitions ?? [])
    .map(({ index, start, length }) => ({
      name: `partition ${index} of the backup GPT`,
      start,
      length,
    }))
    .filter(isUnknown);
  if (other !== undefined && (surplus.length > 0 || other.diskGuid !== used.diskGuid)) {
    notes.push(warning('GPT_COPIES_DIFFER', 'the GPT and its backup differ: the GPT is believed'));
  }
  const hybrid = await hybridPartitions(reader, mbr, sectorBytes);
  const strangers = hybrid.filter(isUnknown);
  if (strangers.length > 0) {
    const names = strangers.map(({ name }) => name).join(', ');
    notes.push(warning('MBR_HYBRID', `the GPT does not know ${names}: taken as used whole`));
  }
  return {
    scheme: 'gpt',
    uuid: used.diskGuid,
    sectorBytes,
    partitions: used.partitions,
    structures: [
      { name: 'protective MBR', start: 0, length: sectorBytes },
      ...tables.flatMap(({ structures }) => structures),
    ],
    disputed: [...surplus, ...strangers],
    notes,
  };
}

function place({ start, length }: { readonly start: number; readonly length: number }): string {
  return `${start}+${length}`;
}

/** What an MBR that protects a GPT names besides. */
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
