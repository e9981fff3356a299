/** The MBR: four primary partitions, and logical ones in chains of extended boot records. */

import { layout } from '../layout.js';
import type { ByteReader } from '../reader.js';
import type { MapNote } from '../usedmap.js';
import { mostPartitions, warning, type NamedExtent, type Partition } from './table.js';
import { mbrTypeNames } from './typenames.js';

/** UEFI specification, section 5.2.1, "Legacy Master Boot Record". */
const mbrLayout = layout('little', { diskSignature: [0x1b8, 'u32'], magic: [0x1fe, 'u16'] });
const entryLayout = layout('little', {
  status: [0, 'u8'],
  type: [4, 'u8'],
  startSector: [8, 'u32'],
  sectorCount: [12, 'u32'],
});
const entriesAt = 0x1be;
const entryBytes = 16;
const bootMagic = 0xaa55;
export const mbrBytes = 512;

export const protectiveType = 0xee;
const extendedTypes: ReadonlySet<number> = new Set([0x05, 0x0f, 0x85]);

interface Entry {
  readonly type: number;
  readonly startSector: number;
  readonly sectorCount: number;
}

export interface Mbr {
  readonly diskSignature: number;
  /** The four slots; null where nothing is. */
  readonly slots: readonly (Entry | null)[];
}

/**
 * Decodes sector 0, or null where it is no partition table: the boot sectors of file systems carry
 * the same magic, and code or text where a table has its entries.
 */
export function decodeMbr(sector: Uint8Array): Mbr | null {
  if (sector.length < mbrBytes || isVolumeBootSector(sector)) return null;
  const slots = mbrSlots(sector);
  if (slots === null || slots.every((slot) => slot === null)) return null;
  if (slots.some((slot) => slot?.startSector === 0)) return null;
  return { diskSignature: mbrLayout.decode(sector).diskSignature, slots };
}

/** The four entries of a boot record, unchecked; null if it is not one. */
export function mbrSlots(sector: Uint8Array): (Entry | null)[] | null {
  if (mbrLayout.decode(sector).magic !== bootMagic) return null;
  const entries = [0, 1, 2, 3].map((slot) =>
    entryLayout.decode(sector, entriesAt + slot * entryBytes),
  );
  if (entries.some(({ status }) => status !== 0 && status !== 0x80)) return null;
  return entries.map((entry) => (entry.type === 0 || entry.sectorCount === 0 ? null : entry));
}

/** Recognised by the names that FAT, NTFS, exFAT, ReFS and BitLocker volumes have in sector 0. */
function isVolumeBootSector(sector: Uint8Array): boolean {
  const text = (at: number, length: number): string =>
    String.fromCharCode(...sector.subarray(at, at + length));
  const isNamed = ['NTFS    ', 'EXFAT   ', 'ReFS\0\0\0\0', '-FVE-FS-'].includes(text(3, 8));
  const jumps = sector[0] === 0xeb || sector[0] === 0xe9;
  return isNamed || (jumps && (text(0x36, 3) === 'FAT' || text(0x52, 5) === 'FAT32'));
}

/**
 * Whether sector 0 protects a GPT, by the kernel's rule (block/partitions/efi.c): without such an entry
 * it looks for none.
 */
export function protectsGpt(sector: Uint8Array): boolean {
  if (sector.length < mbrBytes || mbrLayout.decode(sector).magic !== bootMagic) return false;
  return [0, 1, 2, 3].some((slot) => {
    const { type, startSector } = entryLayout.decode(sector, entriesAt + slot * entryBytes);
    return type === protectiveType && startSector === 1;
  });
}

export interface MbrPartitions {
  readonly partitions: readonly Partition[];
  readonly structures: readonly NamedExtent[];
  readonly notes: readonly MapNote[];
}

/** The partitions of an MBR, the logical ones included, counted in sectors of that size. */
export async function readMbrPartitions(
  reader: ByteReader,
  mbr: Mbr,
  sectorBytes: number,
): Promise<MbrPartitions> {
  const notes: MapNote[] = [];
  const structures: NamedExtent[] = [{ name: 'MBR', start: 0, length: sectorBytes }];
  const toPartition = (index: number, { type, startSector, sectorCount }: Entry): Partition => {
    const hexType = type.toString(16).padStart(2, '0');
    const signature = mbr.diskSignature.toString(16).padStart(8, '0');
    return {
      index,
      start: startSector * sectorBytes,
      length: sectorCount * sectorBytes,
      type: hexType,
      typeName: mbrTypeNames[hexType] ?? null,
      name: null,
      uuid: mbr.diskSignature === 0 ? null : `${signature}-${hexIndex(index)}`,
      isContainer: extendedTypes.has(type),
    };
  };
  const partitions: Partition[] = [];
  for (const [slot, entry] of mbr.slots.entries()) {
    if (entry !== null) partitions.push(toPartition(slot + 1, entry));
  }
  let nextIndex = 5;
  for (const entry of mbr.slots) {
    if (entry === null || !extendedTypes.has(entry.type)) continue;
    const chain = await walkChain(reader, entry.startSector, sectorBytes);
    notes.push(...chain.notes);
    structures.push(...chain.structures);
    for (const logical of chain.logicals) partitions.push(toPartition(nextIndex++, logical));
  }
  return { partitions, structures, notes };
}

function hexIndex(index: number): string {
  return index.toString(16).padStart(2, '0');
}

/**
 * Follows a chain of extended boot records. Each gives its logical partition relative to itself, and the
 * next record relative to the start of the chain. A broken chain only causes a note: bytes that no
 * partition claims are used.
 */
async function walkChain(
  reader: ByteReader,
  firstSector: number,
  sectorBytes: number,
): Promise<{
  readonly logicals: readonly Entry[];
  readonly structures: readonly NamedExtent[];
  readonly notes: readonly MapNote[];
}> {
  const logicals: Entry[] = [];
  const structures: NamedExtent[] = [];
  const visited = new Set<number>();
  const broken = (why: string) => ({
    logicals,
    structures,
    notes: [warning('MBR_CHAIN_BROKEN', `the chain of logical partitions ends early: ${why}`)],
  });
  for (let sector: number | null = firstSector; sector !== null;) {
    if (visited.has(sector)) return broken(`it returns to sector ${sector}`);
    if (visited.size === mostPartitions) return broken(`it has over ${mostPartitions} records`);
    visited.add(sector);
    // Also where none is: on another disk, a record there would continue the chain.
    structures.push({ name: 'EBR', start: sector * sectorBytes, length: sectorBytes });
    const slots = await readRecord(reader, sector * sectorBytes);
    if (slots === null) return broken(`no boot record at sector ${sector}`);
    let next: number | null = null;
    for (const slot of slots) {
      if (slot === null) continue;
      if (extendedTypes.has(slot.type)) next ??= firstSector + slot.startSector;
      else logicals.push({ ...slot, startSector: sector + slot.startSector });
    }
    sector = next;
  }
  return { logicals, structures, notes: [] };
}

async function readRecord(reader: ByteReader, at: number): Promise<(Entry | null)[] | null> {
  if (at + mbrBytes > reader.sizeBytes) return null;
  return mbrSlots(await reader.read(at, mbrBytes));
}
