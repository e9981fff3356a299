/** FILE records of the $MFT and the attributes in them. */

import { ParseError, type ParseErrorPlace } from '../errors.js';
import { layout, type Decoded } from '../layout.js';
import { applyFixups } from './fixups.js';

/** Linux fs/ntfs3/ntfs.h, struct MFT_REC */
const recordLayout = layout('little', {
  fixupsAt: [4, 'u16'],
  sequence: [16, 'u16'],
  attributesAt: [20, 'u16'],
  flags: [22, 'u16'],
  usedBytes: [24, 'u32'],
  baseLow: [32, 'u32'],
  baseHigh: [36, 'u16'],
  number: [44, 'u32'],
});

/** struct ATTRIB, the part that all have. */
const attributeLayout = layout('little', {
  type: [0, 'u32'],
  lengthBytes: [4, 'u32'],
  isNonResident: [8, 'u8'],
  nameLength: [9, 'u8'],
  nameAt: [10, 'u16'],
  flags: [12, 'u16'],
  instance: [14, 'u16'],
});

/** struct ATTR_RESIDENT */
const residentLayout = layout('little', { valueBytes: [16, 'u32'], valueAt: [20, 'u16'] });

/** struct ATTR_NONRESIDENT */
const nonResidentLayout = layout('little', {
  lowestVcn: [16, 'u64'],
  highestVcn: [24, 'u64'],
  pairsAt: [32, 'u16'],
  dataBytes: [48, 'u64'],
  initializedBytes: [56, 'u64'],
});

export const attributeTypes = {
  list: 0x20,
  fileName: 0x30,
  volumeName: 0x60,
  volumeInformation: 0x70,
  data: 0x80,
  indexRoot: 0x90,
  indexAllocation: 0xa0,
  bitmap: 0xb0,
  end: 0xffffffff,
} as const;

const inUseFlag = 1;
/** Records whose update sequence begins from here on carry their own number before it (NTFS 3.1). */
const fixupsBehindNumber = 48;

interface AttributeHead {
  readonly type: number;
  readonly name: string;
  readonly flags: number;
  /** Tells attributes of one record apart. */
  readonly instance: number;
}

export interface ResidentAttribute extends AttributeHead {
  readonly isResident: true;
  readonly value: Uint8Array;
}

/** One piece of an attribute whose value lies in clusters. The sizes are those of the first piece. */
export interface NonResidentAttribute extends AttributeHead {
  readonly isResident: false;
  readonly lowestVcn: number;
  /** One less than `lowestVcn`, modulo 2^64, where there are no clusters. */
  readonly highestVcn: number;
  readonly mappingPairs: Uint8Array;
  readonly dataBytes: number;
  readonly initializedBytes: number;
}

export type Attribute = ResidentAttribute | NonResidentAttribute;

export interface FileRecord {
  readonly number: number;
  readonly sequence: number;
  /** The record that this one goes on from, or 0: then it is a base record (or goes on from $MFT). */
  readonly baseNumber: number;
  readonly attributes: readonly Attribute[];
  readonly place: ParseErrorPlace;
}

/** UTF-16, little endian, `units` of them. */
export function decodeName(bytes: Uint8Array, at: number, units: number): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, 2 * units);
  let name = '';
  for (let unit = 0; unit < units; unit++) {
    name += String.fromCharCode(view.getUint16(2 * unit, true));
  }
  return name;
}

/** The name in a $FILE_NAME (struct ATTR_FILE_NAME), or null where it overruns the value. */
export function decodeFileName(value: Uint8Array): string | null {
  const length = value[64];
  if (length === undefined || 66 + 2 * length > value.length) return null;
  return decodeName(value, 66, length);
}

/**
 * Checks and decodes the FILE record of that number.
 * @throws ParseError CORRUPT where it is not one, not whole, not in use, or an attribute overruns it.
 */
export function decodeRecord(bytes: Uint8Array, number: number, offsetBytes: number): FileRecord {
  const place = { structure: `$MFT record ${number}`, offsetBytes };
  if (String.fromCharCode(...bytes.subarray(0, 4)) !== 'FILE') {
    throw new ParseError('CORRUPT', 'no FILE signature', place);
  }
  const fixed = applyFixups(bytes, place);
  const header = recordLayout.decode(fixed);
  if ((header.flags & inUseFlag) === 0) throw new ParseError('CORRUPT', 'not in use', place);
  if (header.fixupsAt >= fixupsBehindNumber && header.number !== number % 2 ** 32) {
    throw new ParseError('CORRUPT', `says that it is record ${header.number}`, place);
  }
  return {
    number,
    sequence: header.sequence,
    baseNumber: header.baseLow + header.baseHigh * 2 ** 32,
    attributes: decodeAttributes(fixed, header, place),
    place,
  };
}

function decodeAttributes(
  record: Uint8Array,
  header: Decoded<typeof recordLayout.fields>,
  place: ParseErrorPlace,
): Attribute[] {
  const end = Math.min(header.usedBytes, record.length);
  const attributes: Attribute[] = [];
  let at = header.attributesAt;
  const view = new DataView(record.buffer, record.byteOffset, record.length);
  for (;;) {
    if (at % 8 !== 0 || at + 4 > end) {
      throw new ParseError('CORRUPT', `attributes run to ${at} of ${end} bytes`, place);
    }
    if (view.getUint32(at, true) === attributeTypes.end) return attributes;
    const lengthBytes = at + 8 <= end ? view.getUint32(at + 4, true) : 0;
    if (lengthBytes < 24 || at + lengthBytes > end) {
      throw new ParseError('CORRUPT', `an attribute of ${lengthBytes} bytes at ${at}`, place);
    }
    attributes.push(decodeAttribute(record.subarray(at, at + lengthBytes), at, place));
    at += lengthBytes;
  }
}

function decodeAttribute(bytes: Uint8Array, at: number, place: ParseErrorPlace): Attribute {
  const header = attributeLayout.decode(bytes);
  const corrupt = (what: string): ParseError =>
    new ParseError('CORRUPT', `${what} in the attribute at ${at}`, place);
  if (header.nameAt + 2 * header.nameLength > bytes.length) throw corrupt('the name overruns');
  const common = {
    type: header.type,
    name: decodeName(bytes, header.nameAt, header.nameLength),
    flags: header.flags,
    instance: header.instance,
  };
  if (header.isNonResident === 0) {
    const { valueAt, valueBytes } = residentLayout.decode(bytes);
    if (valueAt + valueBytes > bytes.length) throw corrupt('the value overruns');
    return { ...common, isResident: true, value: bytes.subarray(valueAt, valueAt + valueBytes) };
  }
  if (bytes.length < nonResidentLayout.sizeBytes) throw corrupt('the header overruns');
  const { pairsAt, ...sizes } = nonResidentLayout.decode(bytes);
  if (pairsAt < nonResidentLayout.sizeBytes || pairsAt > bytes.length) {
    throw corrupt('the mapping pairs overrun');
  }
  return { ...common, ...sizes, isResident: false, mappingPairs: bytes.subarray(pairsAt) };
}
