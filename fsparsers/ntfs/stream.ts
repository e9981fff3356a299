/** What an attribute holds, resident or in clusters, read as a run of bytes. */

import { ParseError, type ParseErrorPlace } from '../errors.js';
import type { ByteReader } from '../reader.js';
import type { Boot } from './boot.js';
import { appendRuns, RunList } from './runs.js';
import type { Attribute, NonResidentAttribute } from './record.js';

/** Attribute flags: compression methods in the low byte, encryption. Such bytes mean something else. */
const encodedFlags = 0x40ff;
const sparseFlag = 0x8000;

export interface Volume {
  readonly reader: ByteReader;
  readonly boot: Boot;
  /** How many runs may still be decoded: bounds memory whatever the lists on disk say. */
  readonly budget: { runs: number };
}

/** No structure is larger, nor is any of them read in larger pieces. */
const longestReadBytes = 4 << 20;

/** A stretch of a stream that lies in one piece: at a place on the device, or nowhere (zeros). */
interface Segment {
  readonly deviceOffset: number | null;
  readonly lengthBytes: number;
}

export class Stream {
  readonly sizeBytes: number;
  /** From here on the stream reads as zeros, whatever lies on the disk. */
  readonly initializedBytes: number;
  /** Where its clusters lie; empty if the stream is resident. */
  readonly runs: RunList;
  readonly isSparse: boolean;
  readonly #isEncoded: boolean;
  readonly #value: Uint8Array | null;
  readonly #volume: Volume;
  readonly #place: ParseErrorPlace;

  /** `first` is the attribute's first piece; `runs` may be filled later, before the reads that need them. */
  constructor(volume: Volume, first: Attribute, runs: RunList, place: ParseErrorPlace) {
    this.#volume = volume;
    this.#place = place;
    this.runs = runs;
    this.isSparse = (first.flags & sparseFlag) !== 0;
    this.#isEncoded = (first.flags & encodedFlags) !== 0;
    this.#value = first.isResident ? first.value : null;
    this.sizeBytes = first.isResident ? first.value.length : first.dataBytes;
    this.initializedBytes = first.isResident ? this.sizeBytes : first.initializedBytes;
    if (this.initializedBytes > this.sizeBytes) {
      throw new ParseError(
        'CORRUPT',
        `${this.initializedBytes} of ${this.sizeBytes} bytes are initialized`,
        place,
      );
    }
  }

  /**
   * Reads exactly that many bytes.
   * @throws ParseError where the stream does not hold them, or they are more than any structure has.
   */
  async read(offsetBytes: number, lengthBytes: number): Promise<Uint8Array> {
    if (this.#isEncoded) {
      throw new ParseError('UNSUPPORTED', 'the stream is compressed or encrypted', this.#place);
    }
    if (offsetBytes + lengthBytes > this.sizeBytes) {
      throw new ParseError(
        'CORRUPT',
        `needs ${lengthBytes} bytes at ${offsetBytes} of a stream of ${this.sizeBytes}`,
        this.#place,
      );
    }
    if (lengthBytes > longestReadBytes) {
      throw new ParseError('CORRUPT', `${lengthBytes} bytes long`, this.#place);
    }
    if (this.#value !== null) {
      return new Uint8Array(this.#value.subarray(offsetBytes, offsetBytes + lengthBytes));
    }
    const segments = this.#segments(offsetBytes, lengthBytes);
    const [only] = segments;
    if (segments.length === 1 && only?.deviceOffset != null) {
      return this.#volume.reader.read(only.deviceOffset, lengthBytes);
    }
    const bytes = new Uint8Array(lengthBytes);
    let at = 0;
    for (const { deviceOffset, lengthBytes: length } of segments) {
      if (deviceOffset !== null)
        bytes.set(await this.#volume.reader.read(deviceOffset, length), at);
      at += length;
    }
    return bytes;
  }

  /** Where on the device that byte of the stream lies. @throws ParseError where it lies nowhere. */
  deviceOffset(offsetBytes: number): number {
    const [segment] = this.#segments(offsetBytes, 1);
    if (segment?.deviceOffset == null) {
      throw new ParseError('CORRUPT', `byte ${offsetBytes} lies in a hole`, this.#place);
    }
    return segment.deviceOffset;
  }

  /** The stretch cut into pieces that lie together, neighbours on the device in one. */
  #segments(offsetBytes: number, lengthBytes: number): Segment[] {
    const { clusterBytes } = this.#volume.boot;
    const written = Math.min(offsetBytes + lengthBytes, this.initializedBytes);
    const segments: Segment[] = [];
    let at = offsetBytes;
    for (const { vcn, lcn, count } of this.runs.from(Math.floor(offsetBytes / clusterBytes))) {
      if (at >= written) break;
      const length = Math.min((vcn + count) * clusterBytes, written) - at;
      const deviceOffset = lcn === null ? null : lcn * clusterBytes + at - vcn * clusterBytes;
      push(segments, { deviceOffset, lengthBytes: length });
      at += length;
    }
    if (at < written) {
      throw new ParseError('CORRUPT', `the clusters end before byte ${at}`, this.#place);
    }
    const rest = offsetBytes + lengthBytes - at;
    if (rest > 0) push(segments, { deviceOffset: null, lengthBytes: rest });
    return segments;
  }
}

function push(segments: Segment[], next: Segment): void {
  const last = segments.at(-1);
  const goesOn =
    last?.deviceOffset != null && last.deviceOffset + last.lengthBytes === next.deviceOffset;
  if (last !== undefined && goesOn) {
    segments[segments.length - 1] = { ...last, lengthBytes: last.lengthBytes + next.lengthBytes };
  } else {
    segments.push(next);
  }
}

/** The stream of an attribute that lies in one piece. */
export function openPiece(volume: Volume, piece: Attribute, place: ParseErrorPlace): Stream {
  const runs = new RunList();
  if (!piece.isResident) appendPiece(volume, runs, piece, place);
  return new Stream(volume, piece, runs, place);
}

export function appendPiece(
  volume: Volume,
  runs: RunList,
  piece: NonResidentAttribute,
  place: ParseErrorPlace,
): void {
  volume.budget.runs -= appendRuns(runs, piece, volume, place);
}
