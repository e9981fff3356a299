/** Seeded damage to NTFS structures, update sequences put right again so that parsers are reached. */

import type { Random } from '../../support/random.js';
import { dataOf, nonResident, protect, types, unprotect, type NtfsImage } from './edit.js';

/** What a mutation did to what decides over used and free: nothing, or which record of the $MFT. */
export interface Damage {
  readonly what: string;
  readonly record: number | null;
  readonly bitmap: boolean;
}

/** The records that describe $Bitmap; others cannot change what is free. */
export interface Targets {
  readonly records: readonly number[];
  readonly bitmapRecords: readonly number[];
  /** Where index blocks of the root directory lie. */
  readonly indexBlocks: readonly number[];
  readonly logAt: number;
}

const wild = [
  ...[0n, 1n, 2n, 0x7fn, 0x80n, 0xffn, 0x7fffn, 0xffffn, 0x7fffffffn, 0xffffffffn],
  ...[2n ** 32n, 2n ** 53n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n],
];

/** Writes a number that has broken parsers before, or a small one, `width` bytes of it. */
function writeWild(bytes: Buffer, at: number, width: number, random: Random): void {
  const value = random.next() < 0.5 ? random.pick(wild) : BigInt(random.between(0, 5000));
  const encoded = Buffer.alloc(8);
  encoded.writeBigUInt64LE(value);
  encoded.copy(bytes, at, 0, Math.min(width, bytes.length - at));
}

type Field = readonly [at: number, width: number];
const recordFields: readonly Field[] = [
  ...([
    [0, 4],
    [4, 2],
    [6, 2],
    [16, 2],
    [20, 2],
    [22, 2],
  ] as const),
  ...([
    [24, 4],
    [28, 4],
    [32, 6],
    [44, 4],
  ] as const),
];
const attributeFields: readonly Field[] = [
  ...([
    [0, 4],
    [4, 4],
    [8, 1],
    [9, 1],
    [10, 2],
    [12, 2],
    [14, 2],
  ] as const),
  // Resident: value's length and place. Not resident: VCNs, mapping pairs, sizes.
  ...([
    [16, 4],
    [20, 2],
    [16, 8],
    [24, 8],
    [32, 2],
    [40, 8],
    [48, 8],
    [56, 8],
  ] as const),
];
const bootFields: readonly Field[] = [
  ...([
    [0x0b, 2],
    [0x0d, 1],
    [0x0e, 2],
    [0x28, 8],
    [0x30, 8],
    [0x38, 8],
    [0x40, 1],
  ] as const),
  ...([
    [0x44, 1],
    [3, 1],
  ] as const),
];
const indexFields: readonly Field[] = [
  ...([
    [0, 4],
    [4, 2],
    [6, 2],
    [16, 8],
    [24, 4],
    [28, 4],
    [32, 4],
  ] as const),
];
const entryFields: readonly Field[] = [
  ...([
    [0, 6],
    [8, 2],
    [10, 2],
    [12, 2],
    [80, 1],
  ] as const),
];

function writeField(bytes: Buffer, at: number, fields: readonly Field[], random: Random): void {
  const [offset, width] = random.pick(fields);
  if (at + offset < bytes.length) writeWild(bytes, at + offset, width, random);
}

/** The places of a record's attributes, as far as they can be followed. */
function attributePlaces(record: Buffer): number[] {
  const places: number[] = [];
  let at = record.readUInt16LE(20);
  while (at + 8 <= record.length && record.readUInt32LE(at) !== 0xffffffff) {
    places.push(at);
    const length = record.readUInt32LE(at + 4);
    if (length === 0) break;
    at += length;
  }
  return places;
}

export function mutateRecord(record: Buffer, random: Random): string {
  const places = attributePlaces(record);
  const at = places.length === 0 ? 0 : random.pick(places);
  switch (random.between(0, 5)) {
    case 0:
      writeField(record, 0, recordFields, random);
      return 'header';
    case 1:
      writeField(record, at, attributeFields, random);
      return `attribute at ${at}`;
    case 2: {
      // In a list of attributes or of runs, whichever it is.
      const valueAt = at + (record[at + 8] === 1 ? 64 : 24);
      const target = Math.min(valueAt + random.between(0, 60), record.length - 1);
      record[target] = random.between(0, 256);
      return `value byte at ${target}`;
    }
    case 3:
      writeWild(record, Math.min(at + random.between(0, 100), record.length - 8), 8, random);
      return `bytes near ${at}`;
    default:
      record[random.between(0, record.length)] = random.between(0, 256);
      return 'byte';
  }
}

/** Sends a record's $DATA to clusters anywhere, used or free: metadata that overlap, runs that lie. */
function redirect(volume: NtfsImage, number: number, random: Random): void {
  const attributes = volume.attributes(number);
  const data = dataOf(attributes);
  if (data[8] !== 1) return;
  const clusterCount = Math.floor(volume.bytes.length / volume.clusterBytes) - 1;
  const runs = Array.from({ length: random.between(1, 6) }, () => ({
    lcn: random.between(-20, clusterCount + 20),
    count: random.between(1, 200),
  }));
  const count = runs.reduce((sum, run) => sum + run.count, 0);
  const replacement = nonResident({
    type: types.data,
    instance: data.readUInt16LE(14),
    runs,
    clusterBytes: volume.clusterBytes,
    dataBytes: count * volume.clusterBytes,
  });
  const others = attributes.filter((attribute) => attribute !== data);
  volume.setAttributes(number, [...others, replacement]);
}

/** Damages the image in one place or a few; the same random numbers give the same damage. */
export function mutate(volume: NtfsImage, targets: Targets, random: Random): Damage {
  const { bytes } = volume;
  const kind = random.between(0, 100);
  if (kind < 60) {
    const number = random.pick(targets.records);
    const at = volume.recordAt(number);
    const record = bytes.subarray(at, at + volume.recordBytes);
    unprotect(record);
    const what = Array.from({ length: random.between(1, 3) }, () => mutateRecord(record, random));
    if (random.next() < 0.95) protectIfPossible(record);
    const bitmap = targets.bitmapRecords.includes(number);
    return { what: `record ${number}: ${what.join(', ')}`, record: number, bitmap };
  }
  if (kind < 70) {
    const number = random.pick(
      [0, 1, 2, 4, 6, 7, 10].filter((each) => targets.records.includes(each)),
    );
    redirect(volume, number, random);
    return { what: `clusters of record ${number}`, record: number, bitmap: number === 6 };
  }
  if (kind < 80) {
    writeField(bytes, 0, bootFields, random);
    return { what: 'boot sector', record: null, bitmap: false };
  }
  if (kind < 90 && targets.indexBlocks.length > 0) {
    const at = random.pick(targets.indexBlocks);
    const block = bytes.subarray(at, at + 4096);
    unprotect(block);
    const entryAt = 24 + block.readUInt32LE(24);
    if (random.next() < 0.3) writeField(block, 0, indexFields, random);
    else writeField(block, Math.min(entryAt, 4000), entryFields, random);
    protectIfPossible(block);
    return { what: `index block at ${at}`, record: null, bitmap: false };
  }
  const page = random.bytes(512);
  page.write('RSTR');
  page.copy(bytes, targets.logAt + random.pick([0, 4096]));
  return { what: 'restart page', record: null, bitmap: false };
}

/** The array's own place or length may be what was damaged. */
export function protectIfPossible(record: Buffer): void {
  const arrayAt = record.readUInt16LE(4);
  const count = record.readUInt16LE(6);
  if (arrayAt + 2 * count <= record.length && (count - 1) * 512 <= record.length) protect(record);
}
