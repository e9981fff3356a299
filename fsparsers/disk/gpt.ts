/** The GUID partition table: header and entries, twice, each with its checksum. */

import { crc32 } from '../checksum.js';
import { ParseError } from '../errors.js';
import { layout } from '../layout.js';
import { readStructure, type ByteReader } from '../reader.js';
import { mostPartitions, type NamedExtent, type Partition } from './table.js';
import { gptTypeNames } from './typenames.js';

/** UEFI specification, table 5.5, "GPT Header". */
const headerLayout = layout('little', {
  signature: [0, 'bytes:8'],
  headerBytes: [12, 'u32'],
  headerCrc: [16, 'u32'],
  ownSector: [24, 'u64'],
  otherSector: [32, 'u64'],
  diskGuid: [56, 'bytes:16'],
  entriesSector: [72, 'u64'],
  entryCount: [80, 'u32'],
  entryBytes: [84, 'u32'],
  entriesCrc: [88, 'u32'],
});
const headerCrcAt = 16;

/** Table 5.6, "GPT Partition Entry". */
const entryLayout = layout('little', {
  typeGuid: [0, 'bytes:16'],
  uniqueGuid: [16, 'bytes:16'],
  firstSector: [32, 'u64'],
  lastSector: [40, 'u64'],
  name: [56, 'bytes:72'],
});

const mostEntryTableBytes = 16 << 20;

export interface Gpt {
  readonly diskGuid: string;
  /** Where the other copy of the header lies. */
  readonly otherSector: number;
  readonly partitions: readonly Partition[];
}

/** Whether a GPT signature is there; does not check the header. */
export async function hasGptSignature(reader: ByteReader, offsetBytes: number): Promise<boolean> {
  if (offsetBytes < 0 || offsetBytes + headerLayout.sizeBytes > reader.sizeBytes) return false;
  return isSignature(await reader.read(offsetBytes, 8));
}

function isSignature(bytes: Uint8Array): boolean {
  return String.fromCharCode(...bytes) === 'EFI PART';
}

/**
 * Reads the copy of the table whose header lies in that sector.
 * @param label "GPT" or "backup GPT".
 * @throws ParseError where it is not there, not sound, or a checksum does not match.
 */
export async function readGpt(
  reader: ByteReader,
  sector: number,
  sectorBytes: number,
  label: string,
): Promise<Gpt> {
  const place = { structure: `${label} header`, offsetBytes: sector * sectorBytes };
  const corrupt = (what: string): ParseError => new ParseError('CORRUPT', what, place);
  const bytes = await readStructure(reader, place.structure, place.offsetBytes, sectorBytes);
  const header = headerLayout.decode(bytes);
  if (!isSignature(header.signature)) throw corrupt('no signature');
  if (header.headerBytes < headerLayout.sizeBytes || header.headerBytes > sectorBytes) {
    throw corrupt(`a header of ${header.headerBytes} bytes`);
  }
  const signed = new Uint8Array(bytes.subarray(0, header.headerBytes));
  signed.fill(0, headerCrcAt, headerCrcAt + 4);
  if (crc32(signed) !== header.headerCrc) throw corrupt('the checksum does not match');
  if (header.ownSector !== sector) throw corrupt(`says that it is sector ${header.ownSector}`);
  const { entryBytes, entryCount } = header;
  const tableBytes = entryCount * entryBytes;
  if (entryBytes < entryLayout.sizeBytes || tableBytes > mostEntryTableBytes) {
    throw corrupt(`${entryCount} entries of ${entryBytes} bytes`);
  }
  const entriesName = `${label} entries`;
  const entriesAt = header.entriesSector * sectorBytes;
  const entries = await readStructure(reader, entriesName, entriesAt, tableBytes);
  if (crc32(entries) !== header.entriesCrc) {
    throw new ParseError('CORRUPT', 'the checksum does not match', {
      structure: entriesName,
      offsetBytes: entriesAt,
    });
  }
  return {
    diskGuid: formatGuid(header.diskGuid),
    otherSector: header.otherSector,
    partitions: decodeEntries(entries, entryBytes, sectorBytes, place.structure, entriesAt),
  };
}

/**
 * The ranges of a copy's header and of the entries that it refers to, intact or not: their content must
 * not become valid on another disk.
 */
export async function gptPlaces(
  reader: ByteReader,
  sector: number,
  sectorBytes: number,
  label: string,
): Promise<NamedExtent[]> {
  const start = sector * sectorBytes;
  const extents = [{ name: `${label} header`, start, length: sectorBytes }];
  if (!(await hasGptSignature(reader, start))) return extents;
  const header = headerLayout.decode(await reader.read(start, headerLayout.sizeBytes));
  const length = Math.min(header.entryCount * header.entryBytes, mostEntryTableBytes);
  const entriesAt = header.entriesSector * sectorBytes;
  return [
    ...extents,
    { name: `${label} entries`, start: entriesAt, length: roundUp(length, sectorBytes) },
  ];
}

function roundUp(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit;
}

function decodeEntries(
  bytes: Uint8Array,
  entryBytes: number,
  sectorBytes: number,
  structure: string,
  offsetBytes: number,
): Partition[] {
  const partitions: Partition[] = [];
  for (let at = 0; at < bytes.length; at += entryBytes) {
    if (bytes.subarray(at, at + 16).every((byte) => byte === 0)) continue;
    const entry = entryLayout.decode(bytes, at);
    const type = formatGuid(entry.typeGuid);
    const index = at / entryBytes + 1;
    if (entry.lastSector < entry.firstSector) {
      throw new ParseError('CORRUPT', `partition ${index} ends before it begins`, {
        structure,
        offsetBytes,
      });
    }
    if (partitions.length === mostPartitions) {
      throw new ParseError('UNSUPPORTED', `more than ${mostPartitions} partitions`, {
        structure,
        offsetBytes,
      });
    }
    partitions.push({
      index,
      start: entry.firstSector * sectorBytes,
      length: (entry.lastSector - entry.firstSector + 1) * sectorBytes,
      type,
      typeName: gptTypeNames[type] ?? null,
      name: decodeEntryName(entry.name),
      uuid: formatGuid(entry.uniqueGuid),
      isContainer: false,
    });
  }
  return partitions;
}

/** UTF-16, ended by a zero. */
function decodeEntryName(bytes: Uint8Array): string | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let name = '';
  for (let at = 0; at < bytes.length; at += 2) {
    const unit = view.getUint16(at, true);
    if (unit === 0) break;
    name += String.fromCharCode(unit);
  }
  return name === '' ? null : name;
}

/** The first three groups are little endian numbers, the others bytes. UEFI specification, appendix A. */
function formatGuid(bytes: Uint8Array): string {
  const order = [3, 2, 1, 0, -1, 5, 4, -1, 7, 6, -1, 8, 9, -1, 10, 11, 12, 13, 14, 15];
  return order
    .map((at) => (at < 0 ? '-' : (bytes[at] ?? 0).toString(16).padStart(2, '0')))
    .join('')
    .toUpperCase();
}
