/** The $MFT: FILE records by number, found through its own runs, and the streams they describe. */

import { ParseError } from '../errors.js';
import { readStructure } from '../reader.js';
import { readAttributeList, type ListEntry } from './attributelist.js';
import { attributeTypes, decodeRecord, type Attribute, type FileRecord } from './record.js';
import { RunList } from './runs.js';
import { appendPiece, Stream, type Volume } from './stream.js';

/** A stream with the attribute it is: type and name, '' for the unnamed one. */
export interface NamedStream {
  readonly type: number;
  readonly name: string;
  readonly stream: Stream;
}

/** Record numbers from `first` up to, not including, `end`. */
export interface Stretch {
  readonly first: number;
  readonly end: number;
}

interface Piece {
  readonly attribute: Attribute;
  readonly record: FileRecord;
}

export class Mft {
  readonly #volume: Volume;
  readonly #first: FileRecord;
  readonly #data: Stream;
  /** Whether record 0 had to be taken from the mirror. */
  readonly fromMirror: boolean;

  private constructor(volume: Volume, first: FileRecord, data: Stream, fromMirror: boolean) {
    this.#volume = volume;
    this.#first = first;
    this.#data = data;
    this.fromMirror = fromMirror;
  }

  /**
   * Finds the $MFT's clusters. Pieces of them may be described by records that lie in pieces before,
   * so they are looked up in the order in which they stand in the attribute list.
   * @throws ParseError CORRUPT where neither record 0 nor its mirror is sound.
   */
  static async open(volume: Volume): Promise<Mft> {
    const { record, fromMirror } = await readFirstRecord(volume);
    const list = await readAttributeList(volume, record);
    const isData = isPieceOf(attributeTypes.data, '');
    const first = record.attributes.find(
      (attribute) => isData(attribute) && isFirstPiece(attribute),
    );
    if (first === undefined || first.isResident) {
      throw new ParseError('CORRUPT', 'no clusters', record.place);
    }
    const runs = new RunList();
    appendPiece(volume, runs, first, record.place);
    const mft = new Mft(volume, record, new Stream(volume, first, runs, record.place), fromMirror);
    for (const entry of inOrder(list?.filter(isData) ?? [])) {
      if (entry.lowestVcn === 0) continue;
      const piece = await mft.#findPiece(record, entry);
      if (!piece.attribute.isResident) {
        appendPiece(volume, runs, piece.attribute, piece.record.place);
      }
    }
    return mft;
  }

  get recordCount(): number {
    return Math.floor(this.#data.sizeBytes / this.#volume.boot.recordBytes);
  }

  /** @throws ParseError where there is no such record, or it is not sound, or not in use. */
  async record(number: number): Promise<FileRecord> {
    if (number === 0) return this.#first;
    const { recordBytes } = this.#volume.boot;
    const at = number * recordBytes;
    const bytes = await this.#data.read(at, recordBytes);
    return decodeRecord(bytes, number, this.#data.deviceOffset(at));
  }

  /**
   * Stretches of records that lie in clusters, in order: numbers from `first` up to, not including,
   * `end`. Holes, and what was never written, have no records.
   */
  stretches(): Stretch[] {
    const { clusterBytes, recordBytes } = this.#volume.boot;
    const written = Math.min(this.#data.initializedBytes, this.#data.sizeBytes);
    const stretches: Stretch[] = [];
    let start = 0;
    let end = 0;
    const close = (): void => {
      const first = Math.ceil(start / recordBytes);
      const last = Math.floor(Math.min(end, written) / recordBytes);
      if (last > first) stretches.push({ first, end: last });
    };
    for (const { vcn, lcn, count } of this.#data.runs) {
      if (lcn === null) continue;
      if (vcn * clusterBytes !== end) {
        close();
        start = vcn * clusterBytes;
      }
      end = (vcn + count) * clusterBytes;
    }
    close();
    return stretches;
  }

  /** Records as they lie on the disk, their update sequences on them. */
  rawRecords(first: number, count: number): Promise<Uint8Array> {
    const { recordBytes } = this.#volume.boot;
    return this.#data.read(first * recordBytes, count * recordBytes);
  }

  /** Where a record lies on the device. @throws ParseError where it lies nowhere. */
  offsetOf(number: number): number {
    return this.#data.deviceOffset(number * this.#volume.boot.recordBytes);
  }

  /** The $MFT's own first bytes, as they lie on the disk. */
  firstBytes(lengthBytes: number): Promise<Uint8Array> {
    return this.#data.read(0, lengthBytes);
  }

  /** Every stream of a base record, resident or not, pieces in other records included. */
  async streams(base: FileRecord): Promise<NamedStream[]> {
    const list = await readAttributeList(this.#volume, base);
    const pieces: Piece[] = [];
    if (list === null) {
      for (const attribute of base.attributes) pieces.push({ attribute, record: base });
    } else {
      for (const entry of inOrder(list)) pieces.push(await this.#findPiece(base, entry));
    }
    const streams: NamedStream[] = [];
    for (const { attribute, record } of pieces) {
      const { type, name } = attribute;
      if (isFirstPiece(attribute)) {
        const runs = new RunList();
        streams.push({
          type,
          name,
          stream: new Stream(this.#volume, attribute, runs, record.place),
        });
      }
      if (attribute.isResident) continue;
      const owner = streams.findLast((stream) => isPieceOf(type, name)(stream));
      if (owner === undefined) {
        throw new ParseError('CORRUPT', `cluster 0 of attribute ${type} is missing`, record.place);
      }
      appendPiece(this.#volume, owner.stream.runs, attribute, record.place);
    }
    return streams;
  }

  async #findPiece(base: FileRecord, entry: ListEntry): Promise<Piece> {
    const record =
      entry.recordNumber === base.number ? base : await this.record(entry.recordNumber);
    const belongs = record === base || record.baseNumber === base.number;
    const isStale = entry.sequence !== 0 && entry.sequence !== record.sequence;
    const attribute = record.attributes.find(
      (candidate) =>
        candidate.instance === entry.instance &&
        isPieceOf(entry.type, entry.name)(candidate) &&
        lowestVcn(candidate) === entry.lowestVcn,
    );
    if (!belongs || isStale || attribute === undefined) {
      throw new ParseError(
        'CORRUPT',
        `does not hold attribute ${entry.type} of record ${base.number} from cluster ${entry.lowestVcn}`,
        record.place,
      );
    }
    return { attribute, record };
  }
}

/** Record 0 says where the $MFT lies, so it is the one record that has to be read by its address. */
async function readFirstRecord(
  volume: Volume,
): Promise<{ readonly record: FileRecord; readonly fromMirror: boolean }> {
  const { mftCluster, mirrorCluster } = volume.boot;
  try {
    return { record: await readRecordAt(volume, mftCluster), fromMirror: false };
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    try {
      return { record: await readRecordAt(volume, mirrorCluster), fromMirror: true };
    } catch (mirrorError) {
      if (mirrorError instanceof ParseError) throw error;
      throw mirrorError;
    }
  }
}

async function readRecordAt({ reader, boot }: Volume, cluster: number): Promise<FileRecord> {
  const offsetBytes = cluster * boot.clusterBytes;
  const bytes = await readStructure(reader, '$MFT record 0', offsetBytes, boot.recordBytes);
  return decodeRecord(bytes, 0, offsetBytes);
}

function lowestVcn(attribute: Attribute): number {
  return attribute.isResident ? 0 : attribute.lowestVcn;
}

function isFirstPiece(attribute: Attribute): boolean {
  return lowestVcn(attribute) === 0;
}

function isPieceOf(type: number, name: string) {
  return (other: { readonly type: number; readonly name: string }): boolean =>
    other.type === type && other.name === name;
}

/** Windows keeps the pieces of one stream in order; nothing but the order of one stream matters here. */
function inOrder(entries: readonly ListEntry[]): ListEntry[] {
  return entries.toSorted((a, b) => a.lowestVcn - b.lowestVcn);
}
