/** $ATTRIBUTE_LIST: which records hold the attributes that a base record has no room for. */

import { ParseError } from '../errors.js';
import { layout } from '../layout.js';
import { attributeTypes, decodeName, type FileRecord } from './record.js';
import { openPiece, type Volume } from './stream.js';

/** Linux fs/ntfs3/ntfs.h, struct ATTR_LIST_ENTRY */
const entryLayout = layout('little', {
  type: [0, 'u32'],
  lengthBytes: [4, 'u16'],
  nameLength: [6, 'u8'],
  nameAt: [7, 'u8'],
  lowestVcn: [8, 'u64'],
  recordLow: [16, 'u32'],
  recordHigh: [20, 'u16'],
  sequence: [22, 'u16'],
  instance: [24, 'u16'],
});

/** Windows writes no longer ones. */
const longestListBytes = 256 << 10;

export interface ListEntry {
  readonly type: number;
  readonly name: string;
  readonly lowestVcn: number;
  readonly recordNumber: number;
  readonly sequence: number;
  readonly instance: number;
}

/**
 * The entries of a base record's list, or null if it has none.
 * @throws ParseError CORRUPT where the list is too long or an entry overruns it.
 */
export async function readAttributeList(
  volume: Volume,
  base: FileRecord,
): Promise<ListEntry[] | null> {
  const list = base.attributes.find(({ type }) => type === attributeTypes.list);
  if (list === undefined) return null;
  const place = { ...base.place, structure: `${base.place.structure} attribute list` };
  const stream = openPiece(volume, list, place);
  if (stream.sizeBytes > longestListBytes) {
    throw new ParseError('CORRUPT', `${stream.sizeBytes} bytes long`, place);
  }
  const bytes = await stream.read(0, stream.sizeBytes);
  const entries: ListEntry[] = [];
  const seen = new Set<string>();
  for (let at = 0; at + entryLayout.sizeBytes <= bytes.length;) {
    const raw = entryLayout.decode(bytes, at);
    const nameEnd = raw.nameAt + 2 * raw.nameLength;
    const overruns = at + raw.lengthBytes > bytes.length || nameEnd > raw.lengthBytes;
    if (raw.lengthBytes < entryLayout.sizeBytes || overruns) {
      throw new ParseError('CORRUPT', `an entry of ${raw.lengthBytes} bytes at ${at}`, place);
    }
    entries.push({
      type: raw.type,
      name: decodeName(bytes, at + raw.nameAt, raw.nameLength),
      lowestVcn: raw.lowestVcn,
      recordNumber: raw.recordLow + raw.recordHigh * 2 ** 32,
      sequence: raw.sequence,
      instance: raw.instance,
    });
    at += raw.lengthBytes;
    const { recordLow, recordHigh, instance } = raw;
    const piece = `${recordHigh}:${recordLow}:${instance}`;
    // Otherwise a short list could request the same long run list thousands of times.
    if (seen.has(piece)) throw new ParseError('CORRUPT', `names attribute ${piece} twice`, place);
    seen.add(piece);
  }
  return entries;
}
