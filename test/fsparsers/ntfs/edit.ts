/**
 * Edits NTFS structures in an image held in memory: records with their update sequences taken off and
 * put on again, attributes built from parts. For layouts that no tool makes on demand.
 */

export const types = {
  attributeList: 0x20,
  fileName: 0x30,
  volumeInformation: 0x70,
  data: 0x80,
  indexRoot: 0x90,
  bitmap: 0xb0,
} as const;

export interface Run {
  /** Null for a hole. */
  readonly lcn: number | null;
  readonly count: number;
}

const strideBytes = 512;

/** Takes the update sequence off a record that lies in `record`. */
export function unprotect(record: Buffer): void {
  const arrayAt = record.readUInt16LE(4);
  const count = record.readUInt16LE(6);
  for (let stride = 1; stride < count; stride++) {
    record.copy(record, stride * strideBytes - 2, arrayAt + 2 * stride, arrayAt + 2 * stride + 2);
  }
}

/** Puts it on again, under its number. */
export function protect(record: Buffer): void {
  const arrayAt = record.readUInt16LE(4);
  const count = record.readUInt16LE(6);
  for (let stride = 1; stride < count; stride++) {
    const at = stride * strideBytes - 2;
    record.copy(record, arrayAt + 2 * stride, at, at + 2);
    record.copy(record, at, arrayAt, arrayAt + 2);
  }
}

/** An image with its $MFT in one run, as mkntfs leaves it, unless `mftClusters` says otherwise. */
export class NtfsImage {
  readonly bytes: Buffer;
  readonly clusterBytes: number;
  readonly recordBytes: number;
  readonly mftAt: number;
  readonly mirrorAt: number;
  /** Where the $MFT's clusters lie, once they do not lie in one run any more. */
  mftClusters: readonly number[] | null = null;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
    const perCluster = bytes.readUInt8(0x0d);
    const sectors = perCluster <= 0x80 ? perCluster : 2 ** (256 - perCluster);
    this.clusterBytes = bytes.readUInt16LE(0x0b) * sectors;
    const recordSize = bytes.readInt8(0x40);
    this.recordBytes = recordSize > 0 ? recordSize * this.clusterBytes : 2 ** -recordSize;
    this.mftAt = Number(bytes.readBigUInt64LE(0x30)) * this.clusterBytes;
    this.mirrorAt = Number(bytes.readBigUInt64LE(0x38)) * this.clusterBytes;
  }

  recordAt(number: number): number {
    const at = number * this.recordBytes;
    if (this.mftClusters === null) return this.mftAt + at;
    const cluster = this.mftClusters[at / this.clusterBytes];
    if (cluster === undefined)
      throw new Error(`Expected record ${number} at a cluster's beginning`);
    return cluster * this.clusterBytes;
  }

  /** Edits a record without its update sequence; the mirror of the first four follows. */
  editRecord(number: number, edit: (record: Buffer) => void): void {
    const at = this.recordAt(number);
    const record = this.bytes.subarray(at, at + this.recordBytes);
    unprotect(record);
    edit(record);
    protect(record);
    if (number < 4) record.copy(this.bytes, this.mirrorAt + number * this.recordBytes);
  }

  /** The attributes of a record, one buffer each. */
  attributes(number: number): Buffer[] {
    const at = this.recordAt(number);
    const record = Buffer.from(this.bytes.subarray(at, at + this.recordBytes));
    unprotect(record);
    const found: Buffer[] = [];
    for (let position = record.readUInt16LE(20); record.readUInt32LE(position) !== 0xffffffff;) {
      const length = record.readUInt32LE(position + 4);
      found.push(record.subarray(position, position + length));
      position += length;
    }
    return found;
  }

  /** Replaces all attributes of a record; they are put in order of type. */
  setAttributes(number: number, attributes: readonly Buffer[]): void {
    this.editRecord(number, (record) => {
      let at = record.readUInt16LE(20);
      for (const attribute of attributes.toSorted(
        (a, b) => a.readUInt32LE(0) - b.readUInt32LE(0),
      )) {
        attribute.copy(record, at);
        at += attribute.length;
      }
      record.writeUInt32LE(0xffffffff, at);
      record.writeUInt32LE(0, at + 4);
      record.writeUInt32LE(at + 8, 24);
      record.writeUInt16LE(40_000, 40);
    });
  }

  /** Makes an unused record into one that goes on from `base`. */
  makeExtension(number: number, base: number, attributes: readonly Buffer[]): void {
    const at = this.recordAt(number);
    const record = this.bytes.subarray(at, at + this.recordBytes);
    this.bytes.copy(record, 0, this.recordAt(base), this.recordAt(base) + this.recordBytes);
    this.editRecord(number, (extension) => {
      extension.writeUInt16LE(number, 16);
      extension.writeUInt16LE(1, 22);
      extension.writeUInt32LE(base, 32);
      extension.writeUInt16LE(0, 36);
      extension.writeUInt16LE(this.bytes.readUInt16LE(this.recordAt(base) + 16), 38);
      extension.writeUInt32LE(number, 44);
    });
    this.setAttributes(number, attributes);
    this.setRecordInUse(number);
  }

  /** Sets a record's bit in $MFT:$BITMAP, which mkntfs leaves non-resident in one run. */
  setRecordInUse(number: number): void {
    const bitmap = this.attributes(0).find(
      (attribute) => attribute.readUInt32LE(0) === types.bitmap,
    );
    const [run] = bitmap === undefined ? [] : decodeRuns(bitmap);
    if (run?.lcn == null) throw new Error('Expected $MFT:$BITMAP in clusters');
    const at = run.lcn * this.clusterBytes + (number >> 3);
    this.bytes.writeUInt8(this.bytes.readUInt8(at) | (1 << (number & 7)), at);
  }

  /** The attribute list entry for an attribute that lies in record `number`. */
  listEntry(number: number, attribute: Buffer): Buffer {
    const nameLength = attribute.readUInt8(9);
    const nameAt = attribute.readUInt16LE(10);
    const entry = Buffer.alloc((26 + 2 * nameLength + 7) & ~7);
    attribute.copy(entry, 0, 0, 4);
    entry.writeUInt16LE(entry.length, 4);
    entry.writeUInt8(nameLength, 6);
    entry.writeUInt8(26, 7);
    if (attribute.readUInt8(8) === 1) attribute.copy(entry, 8, 16, 24);
    entry.writeUInt32LE(number, 16);
    entry.writeUInt16LE(this.bytes.readUInt16LE(this.recordAt(number) + 16), 22);
    attribute.copy(entry, 24, 14, 16);
    attribute.copy(entry, 26, nameAt, nameAt + 2 * nameLength);
    return entry;
  }

  /**
   * Moves clusters to the places in `runs`, in the bitmap too. No record is told. `$Bitmap` itself must
   * lie in one run still.
   */
  move(from: readonly number[], runs: readonly Run[]): void {
    const to = clustersOf(runs);
    for (const [index, target] of to.entries()) {
      if (this.isUsed(target)) throw new Error(`Expected cluster ${target} to be free`);
      this.setUsed(target, true);
      this.setUsed(from[index] ?? 0, false);
    }
    for (const [index, target] of to.entries()) {
      const at = (from[index] ?? 0) * this.clusterBytes;
      this.bytes.copy(this.bytes, target * this.clusterBytes, at, at + this.clusterBytes);
      this.bytes.fill(0x5a, at, at + this.clusterBytes);
    }
  }

  isUsed(cluster: number): boolean {
    return ((this.bytes.readUInt8(this.#bitAt(cluster)) >> (cluster & 7)) & 1) === 1;
  }

  setUsed(cluster: number, used: boolean): void {
    const at = this.#bitAt(cluster);
    const mask = 1 << (cluster & 7);
    const byte = this.bytes.readUInt8(at);
    this.bytes.writeUInt8(used ? byte | mask : byte & ~mask, at);
  }

  #bitAt(cluster: number): number {
    const [run] = decodeRuns(dataOf(this.attributes(6)));
    if (run?.lcn == null) throw new Error('Expected $Bitmap in one run');
    return run.lcn * this.clusterBytes + (cluster >> 3);
  }
}

/** Places for `count` clusters, apart from each other and backwards, in runs of `runClusters`. */
export function placesApart(count: number, firstTarget: number, runClusters = 1): Run[] {
  const runCount = Math.ceil(count / runClusters);
  return Array.from({ length: runCount }, (_, index) => ({
    lcn: firstTarget + (runCount - index) * (runClusters + 2),
    count: Math.min(runClusters, count - index * runClusters),
  }));
}

/** Every cluster of the runs, in order. */
export function clustersOf(runs: readonly Run[]): number[] {
  return runs.flatMap(({ lcn, count }) =>
    Array.from({ length: count }, (_, index) => (lcn ?? 0) + index),
  );
}

/** The unnamed $DATA among attributes. */
export function dataOf(attributes: readonly Buffer[]): Buffer {
  const data = attributes.find(
    (attribute) => attribute.readUInt32LE(0) === types.data && attribute.readUInt8(9) === 0,
  );
  if (data === undefined) throw new Error('Expected an unnamed $DATA');
  return data;
}

export function decodeRuns(attribute: Buffer): Run[] {
  const runs: Run[] = [];
  let lcn = 0;
  for (let at = attribute.readUInt16LE(32); attribute[at] !== 0;) {
    const head = attribute.readUInt8(at);
    const [countWidth, lcnWidth] = [head & 15, head >> 4];
    const count = attribute.readUIntLE(at + 1, countWidth);
    if (lcnWidth > 0) lcn += attribute.readIntLE(at + 1 + countWidth, lcnWidth);
    runs.push({ lcn: lcnWidth === 0 ? null : lcn, count });
    at += 1 + countWidth + lcnWidth;
  }
  return runs;
}

export function encodeRuns(runs: readonly Run[]): Buffer {
  let previous = 0;
  const parts = runs.map(({ lcn, count }) => {
    const part = Buffer.alloc(lcn === null ? 5 : 9);
    part.writeUInt8(lcn === null ? 0x04 : 0x44, 0);
    part.writeInt32LE(count, 1);
    if (lcn !== null) {
      part.writeInt32LE(lcn - previous, 5);
      previous = lcn;
    }
    return part;
  });
  return Buffer.concat([...parts, Buffer.alloc(1)]);
}

export interface NonResidentParts {
  readonly type: number;
  readonly instance: number;
  readonly runs: readonly Run[];
  readonly lowestVcn?: number;
  readonly clusterBytes: number;
  readonly dataBytes: number;
  readonly initializedBytes?: number;
  /** Where more is allocated than the data needs. */
  readonly allocatedBytes?: number;
}

/** One piece of an attribute in clusters, without a name. */
export function nonResident(parts: NonResidentParts): Buffer {
  const { type, instance, runs, clusterBytes, dataBytes, lowestVcn = 0 } = parts;
  const pairs = encodeRuns(runs);
  const clusters = runs.reduce((sum, { count }) => sum + count, 0);
  const headerBytes = 64;
  const attribute = Buffer.alloc((headerBytes + pairs.length + 7) & ~7);
  attribute.writeUInt32LE(type, 0);
  attribute.writeUInt32LE(attribute.length, 4);
  attribute.writeUInt8(1, 8);
  attribute.writeUInt16LE(headerBytes, 10);
  attribute.writeUInt16LE(instance, 14);
  attribute.writeBigUInt64LE(BigInt(lowestVcn), 16);
  attribute.writeBigInt64LE(BigInt(lowestVcn + clusters - 1), 24);
  attribute.writeUInt16LE(headerBytes, 32);
  if (lowestVcn === 0) {
    const neededBytes = Math.ceil(dataBytes / clusterBytes) * clusterBytes;
    attribute.writeBigUInt64LE(BigInt(parts.allocatedBytes ?? neededBytes), 40);
    attribute.writeBigUInt64LE(BigInt(dataBytes), 48);
    attribute.writeBigUInt64LE(BigInt(parts.initializedBytes ?? dataBytes), 56);
  }
  pairs.copy(attribute, headerBytes);
  return attribute;
}

export function resident(type: number, instance: number, value: Buffer): Buffer {
  const attribute = Buffer.alloc((24 + value.length + 7) & ~7);
  attribute.writeUInt32LE(type, 0);
  attribute.writeUInt32LE(attribute.length, 4);
  attribute.writeUInt16LE(24, 10);
  attribute.writeUInt16LE(instance, 14);
  attribute.writeUInt32LE(value.length, 16);
  attribute.writeUInt16LE(24, 20);
  value.copy(attribute, 24);
  return attribute;
}
