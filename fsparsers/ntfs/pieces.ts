/** The attributes of a record whose values lie in clusters, visited without decoding the rest of it. */

import type { ParseError } from '../errors.js';
import { attributeTypes, decodeFileName, decodeName } from './record.js';

/** Linux fs/ntfs3/ntfs.h: struct ATTRIB, and the part that says where the value lies. */
const headBytes = 24;
const nonResidentHeadBytes = 64;

/** One piece of an attribute in clusters. */
export interface Piece {
  readonly type: number;
  readonly lowestVcn: number;
  readonly highestVcn: number;
  readonly mappingPairs: Uint8Array;
  name(): string;
}

/** Visits what lies in clusters. `record` has its fixups applied. Throws what `corrupt` makes. */
export function visitPieces(
  record: DataView,
  corrupt: (what: string) => ParseError,
  visit: (piece: Piece) => void,
): void {
  visitAttributes(record, corrupt, (type, at, length) => {
    if (record.getUint8(at + 8) === 0) return;
    if (length < nonResidentHeadBytes)
      throw corrupt(`the header overruns in the attribute at ${at}`);
    const pairsAt = record.getUint16(at + 32, true);
    if (pairsAt < nonResidentHeadBytes || pairsAt > length) {
      throw corrupt(`the mapping pairs overrun in the attribute at ${at}`);
    }
    visit({
      type,
      lowestVcn: Number(record.getBigUint64(at + 16, true)),
      highestVcn: Number(record.getBigUint64(at + 24, true)),
      mappingPairs: bytesOf(record, at + pairsAt, length - pairsAt),
      name: () => {
        const units = record.getUint8(at + 9);
        const nameAt = record.getUint16(at + 10, true);
        return nameAt + 2 * units > length
          ? ''
          : decodeName(bytesOf(record, at, length), nameAt, units);
      },
    });
  });
}

/** The first name that stands in the record, or null: then it stands in another one. */
export function fileNameOf(record: DataView): string | null {
  let name: string | null = null;
  try {
    visitAttributes(
      record,
      () => new Error('not sound'),
      (type, at, length) => {
        if (type !== attributeTypes.fileName || record.getUint8(at + 8) !== 0) return;
        const valueAt = record.getUint16(at + 20, true);
        if (valueAt <= length)
          name ??= decodeFileName(bytesOf(record, at + valueAt, length - valueAt));
      },
    );
  } catch {
    // What lies before the fault has been seen.
  }
  return name;
}

function visitAttributes(
  record: DataView,
  corrupt: (what: string) => Error,
  visit: (type: number, at: number, lengthBytes: number) => void,
): void {
  const end = Math.min(record.getUint32(24, true), record.byteLength);
  for (let at = record.getUint16(20, true); ;) {
    if (at % 8 !== 0 || at + 4 > end) throw corrupt(`attributes run to ${at} of ${end} bytes`);
    const type = record.getUint32(at, true);
    if (type === attributeTypes.end) return;
    const length = at + 8 <= end ? record.getUint32(at + 4, true) : 0;
    if (length < headBytes || at + length > end) {
      throw corrupt(`an attribute of ${length} bytes at ${at}`);
    }
    visit(type, at, length);
    at += length;
  }
}

function bytesOf(record: DataView, at: number, lengthBytes: number): Uint8Array {
  return new Uint8Array(record.buffer, record.byteOffset + at, lengthBytes);
}
