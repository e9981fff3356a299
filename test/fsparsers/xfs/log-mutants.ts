/** Damaged and hostile variants of a crashed volume's log: records are edited, checksums mended. */

import { crc32c } from '../../../fsparsers/checksum.js';
import type { Random } from '../../support/random.js';
import { MutantReader, type Mutant } from './mutants.js';
import type { Range } from './support.js';

const recordMagic = 0xfeedbabe;
const headerBytes = 512;
const summedBytes = 328;
const crcAt = 32;

/** Where records with one block of header lie in a log that has not wrapped. */
export function findRecords(bytes: Uint8Array, log: Range): Range[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const records: Range[] = [];
  for (let at = log.start; at < log.end; at += headerBytes) {
    if (view.getUint32(at) !== recordMagic) continue;
    const lengthBytes = view.getUint32(at + 12);
    if (lengthBytes > 0) records.push({ start: at, end: at + headerBytes + lengthBytes });
  }
  return records;
}

function mendRecord(record: Uint8Array): void {
  let crc = crc32c(0xffffffff, record.subarray(0, crcAt));
  crc = crc32c(crc, new Uint8Array(4));
  crc = crc32c(crc, record.subarray(crcAt + 4, summedBytes));
  crc = ~crc32c(crc, record.subarray(headerBytes)) >>> 0;
  new DataView(record.buffer, record.byteOffset).setUint32(crcAt, crc, true);
}

/** Edits one or two records, their checksums mostly mended. */
export function mutateLog(bytes: Uint8Array, records: readonly Range[], random: Random): Mutant {
  const pieces = new Map<number, Uint8Array>();
  const words: string[] = [];
  for (let edits = random.pick([1, 1, 2]); edits > 0; edits--) {
    const { start, end } = random.pick(records);
    const record = (pieces.get(start) ?? bytes.subarray(start, end)).slice();
    words.push(`record at ${start}: ${editRecord(record, random)}`);
    if (random.next() < 0.85) mendRecord(record);
    pieces.set(start, record);
  }
  return { what: words.join('; '), reader: new MutantReader(bytes, pieces) };
}

function editRecord(record: Uint8Array, random: Random): string {
  const view = new DataView(record.buffer, record.byteOffset, record.byteLength);
  const inHeader = random.next() < 0.35;
  // Header words, cycle data left alone; or words near the data's head, where operations begin.
  const fields = [0, 4, 8, 12, 16, 20, 24, 28, 36, 40, 300, 304, 320];
  const reach = Math.min(record.length - headerBytes, random.pick([64, 512, 32768]));
  const at = inHeader ? random.pick(fields) : headerBytes + 4 * random.between(0, reach / 4);
  const before = view.getUint32(at);
  const flip = before ^ (1 << random.between(0, 32));
  const wild = [0, 1, 0xffffffff, 0x7fffffff, before + 1, before - 1, flip, flip, flip];
  const value = random.pick(wild) >>> 0;
  view.setUint32(at, value);
  return `word at ${at} ${before} -> ${value}`;
}
