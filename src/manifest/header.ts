/** The header is the first block. It describes the volume and says where the tree begins. */

import type { CrossCheck } from '../../fsparsers/usedmap.js';
import type { DigestAlgorithm } from '../engine/index.js';
import { mostCellBytes } from '../engine/index.js';
import { hasValidChecksum, putChecksum, tagOf } from './block.js';
import { ManifestError, unsuitable } from './error.js';
import {
  algorithmIds,
  checksumBytes,
  digestBytes,
  encode,
  headerLayout,
  magic,
  mostBlockBytes,
  version,
} from './format.js';

/** The smallest cell; smaller ones would make the manifest large compared with the volume. */
const leastCellBytes = 64 * 1024;

/** The cross-check of the UsedMap without its sentence; bytes are rounded up to KiB. */
export type ManifestCrossCheck = Pick<CrossCheck, 'state' | 'contradictedBytes'>;

/** Indexed by their number in the header. An unknown number counts as not recorded. */
const crossCheckStates: readonly (CrossCheck['state'] | null)[] = [
  null,
  'done',
  'partial',
  'skipped',
];

/** What a manifest says about itself. */
export interface ManifestHeader {
  readonly version: number;
  readonly algorithm: DigestAlgorithm;
  readonly cellBytes: number;
  /** Size of the volume. */
  readonly deviceBytes: number;
  readonly filesystem: {
    readonly type: string;
    readonly uuid: string | null;
    readonly label: string | null;
  };
  /** The volume's path when the manifest was written. */
  readonly source: string;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  readonly coveredBytes: number;
  readonly coveredCells: number;
  /** Covered bytes in cells that have no digest because part of the cell could not be read. */
  readonly unprovenBytes: number;
  /** The cross-check of the map that the manifest was made from; null: none, or not recorded. */
  readonly crossCheck: ManifestCrossCheck | null;
  /** Hexadecimal. Stands for every digest, what they cover, the grid and the volume's size. */
  readonly root: string;
}

/** The header as stored in the file. */
export interface StoredHeader extends ManifestHeader {
  readonly fileBytes: number;
  readonly topOffset: number;
  readonly topLengthBytes: number;
}

const mostTextBytes = 1024;
const mostHeaderBytes = 16 * 1024;
const noText = 0xffff;
const latestMs = 8.64e15; // the end of Date

function encodeText(text: string | null): Buffer {
  const bytes = Buffer.from(text ?? '', 'utf8').subarray(0, mostTextBytes);
  const block = Buffer.alloc(2 + bytes.length);
  block.writeUInt16LE(text === null ? noText : bytes.length, 0);
  bytes.copy(block, 2);
  return block;
}

function decodeTexts(bytes: Buffer, count: number): (string | null)[] | null {
  const texts: (string | null)[] = [];
  let at = 0;
  for (let text = 0; text < count; text++) {
    if (at + 2 > bytes.length) return null;
    const length = bytes.readUInt16LE(at);
    at += 2;
    if (length === noText) {
      texts.push(null);
    } else {
      if (length > mostTextBytes || at + length > bytes.length) return null;
      texts.push(bytes.toString('utf8', at, at + length));
      at += length;
    }
  }
  return at === bytes.length ? texts : null;
}

function textsOf({ filesystem: { type, uuid, label }, source }: TextFields): Buffer {
  return Buffer.concat([type, uuid, label, source].map(encodeText));
}

type TextFields = Pick<ManifestHeader, 'filesystem' | 'source'>;

/** The length of a header with these texts, which is also where the next block begins. */
export function headerBytes(texts: TextFields): number {
  return headerLayout.sizeBytes + textsOf(texts).length + checksumBytes;
}

/** Encodes the header, the block at the beginning of the file. */
export function encodeHeader(header: Omit<StoredHeader, 'version'>): Buffer {
  const texts = textsOf(header);
  const block = Buffer.alloc(headerBytes(header));
  const fields = {
    ...header,
    magic: Buffer.from(magic, 'latin1'),
    tag: tagOf('header'),
    lengthBytes: block.length,
    version,
    algorithm: algorithmIds[header.algorithm],
    crossCheck: crossCheckStates.indexOf(header.crossCheck?.state ?? null),
    textBytes: texts.length,
    createdMs: Date.parse(header.createdAt),
    contradictedKiB: Math.min(
      0xffffffff,
      Math.ceil((header.crossCheck?.contradictedBytes ?? 0) / 1024),
    ),
    root: Buffer.from(header.root, 'hex'),
  };
  encode(headerLayout, fields, block);
  texts.copy(block, headerLayout.sizeBytes);
  return putChecksum(block, 0);
}

/** Enough bytes of the file to decode any header. */
export const headerProbeBytes = mostHeaderBytes;

/**
 * The header at the beginning of a file of `fileBytes`, of which `bytes` are the first
 * {@link headerProbeBytes} or all. Throws ManifestError, or FastsyncError with NOT_A_MANIFEST or
 * MANIFEST_TOO_NEW.
 */
export function decodeHeader(file: string, bytes: Buffer, fileBytes: number): StoredHeader {
  const fail = (what: string): never => {
    throw new ManifestError(file, 'header', 0, what);
  };
  if (bytes.toString('latin1', 0, magic.length) !== magic) {
    throw unsuitable(
      'NOT_A_MANIFEST',
      `${file} is not a manifest: it does not begin with "${magic}"`,
      'name a file that --write-manifest wrote',
    );
  }
  if (bytes.length < headerLayout.sizeBytes + checksumBytes) fail('is cut off');
  const decoded = headerLayout.decode(bytes);
  if (!tagOf('header').equals(decoded.tag)) fail('has the wrong tag');
  const { lengthBytes } = decoded;
  const least = headerLayout.sizeBytes + checksumBytes;
  if (lengthBytes < least || lengthBytes > mostHeaderBytes) {
    fail(`says that it has ${lengthBytes} bytes`);
  }
  if (lengthBytes > bytes.length) fail('is cut off');
  if (!hasValidChecksum(bytes.subarray(0, lengthBytes), 0)) fail('does not match its checksum');
  if (decoded.version !== version) {
    throw unsuitable(
      'MANIFEST_TOO_NEW',
      `${file} is a manifest of version ${decoded.version}, but this fastsync reads version ${version}`,
      'use a newer fastsync',
    );
  }
  if (decoded.fileBytes !== fileBytes) {
    fail(`gives the file size as ${decoded.fileBytes} bytes, but it is ${fileBytes}`);
  }
  const texts =
    decodeTexts(bytes.subarray(headerLayout.sizeBytes, lengthBytes - checksumBytes), 4) ??
    fail('has texts that do not fit');
  const [algorithm] =
    (Object.entries(algorithmIds) as [DigestAlgorithm, number][]).find(
      ([, id]) => id === decoded.algorithm,
    ) ?? fail(`names the unknown algorithm ${decoded.algorithm}`);
  const problem = numberProblem(decoded);
  if (problem !== null) fail(problem);
  const crossCheck = crossCheckStates[decoded.crossCheck] ?? null;
  const [type, uuid, label, source] = texts;
  return {
    ...decoded,
    algorithm,
    filesystem: { type: type ?? 'unknown', uuid: uuid ?? null, label: label ?? null },
    source: source ?? '',
    crossCheck:
      crossCheck === null
        ? null
        : { state: crossCheck, contradictedBytes: decoded.contradictedKiB * 1024 },
    createdAt: new Date(decoded.createdMs).toISOString(),
    root: Buffer.from(decoded.root.subarray(0, digestBytes[algorithm])).toString('hex'),
  };
}

type Numbers = Record<
  'deviceBytes' | 'cellBytes' | 'createdMs' | 'coveredBytes' | 'coveredCells' | 'unprovenBytes',
  number
> & { readonly topLengthBytes: number; readonly topOffset: number; readonly fileBytes: number };

/** Whether a manifest may have cells of this size. */
export function isCellSize(bytes: number): boolean {
  return bytes >= leastCellBytes && bytes <= mostCellBytes && Number.isInteger(Math.log2(bytes));
}

/** What is wrong with a header's numbers, or null. */
function numberProblem(decoded: Numbers): string | null {
  const { deviceBytes, cellBytes, coveredBytes, coveredCells, unprovenBytes } = decoded;
  if (!isCellSize(cellBytes)) return `names cells of ${cellBytes} bytes`;
  if (!Number.isSafeInteger(deviceBytes)) return `names a volume of ${deviceBytes} bytes`;
  if (coveredBytes > deviceBytes || unprovenBytes > coveredBytes) {
    return 'claims to cover more than the volume has';
  }
  if (coveredCells > Math.ceil(deviceBytes / cellBytes)) return `claims ${coveredCells} cells`;
  if (decoded.createdMs > latestMs) return 'has an impossible creation time';
  if (decoded.topLengthBytes > mostBlockBytes || decoded.topOffset >= decoded.fileBytes) {
    return 'says that the tree begins outside the file';
  }
  return null;
}
