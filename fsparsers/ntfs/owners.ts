/**
 * Checks what $Bitmap marks as free against the clusters of every file, according to the records of the
 * $MFT.
 */

import { type CrossChecked, OwnerCheck, skipOwners } from '../crosscheck.js';
import { ParseError } from '../errors.js';
import type { ParserOptions } from '../parser.js';
import type { MapBuilder } from '../mapbuilder.js';
import { fixInPlace } from './fixups.js';
import type { Mft, Stretch } from './mft.js';
import { fileNameOf, visitPieces } from './pieces.js';
import { attributeTypes } from './record.js';
import { keepsPromise, visitRuns } from './runs.js';
import type { Stream, Volume } from './stream.js';
import { badClustersRecord, badStreamName } from './systemfiles.js';

/** One read of the $MFT. */
const chunkBytes = 4 << 20;

/** "FILE", little endian. */
const fileMagic = 0x454c4946;

export interface OwnerSources {
  readonly volume: Volume;
  readonly mft: Mft;
  /** $MFT:$BITMAP: which records are in use; null where it cannot be read. */
  readonly recordBits: Stream | null;
}

/** Reads every record in order. A fault in a record only means that its clusters are unknown. */
export async function checkOwners(
  sources: OwnerSources,
  builder: MapBuilder,
  { usedBytes, hasBad }: { readonly usedBytes: number; readonly hasBad: boolean },
  options: ParserOptions,
): Promise<CrossChecked> {
  const { boot } = sources.volume;
  const stretches = sources.mft.stretches();
  const records = stretches.reduce((sum, { first, end }) => sum + end - first, 0);
  const ownersBytes = records * boot.recordBytes;
  const skipped = skipOwners(options, {
    owners: 'the $MFT',
    ownersBytes,
    msPerMebibyte: 3,
    usedBytes,
    hasBad,
  });
  if (skipped !== null) return skipped;
  const check = new OwnerCheck(builder, {
    owners: 'records of the $MFT',
    allocation: 'the bits of $Bitmap',
    repair: 'chkdsk /f',
  });
  // A $MFT that contains clusters twice could be read without end.
  if (ownersBytes > boot.clusterCount * boot.clusterBytes) {
    check.addUnread('$MFT', `has ${ownersBytes} bytes, more than the volume`);
    return check.finish();
  }
  const most = Math.max(1, Math.floor(chunkBytes / boot.recordBytes));
  for (const stretch of stretches) {
    for (let first = stretch.first; first < stretch.end; first += most) {
      options.signal?.throwIfAborted();
      const end = Math.min(first + most, stretch.end);
      await checkChunk(sources, check, { first, end }, options.signal);
    }
  }
  return check.finish();
}

async function checkChunk(
  { volume, mft, recordBits }: OwnerSources,
  check: OwnerCheck,
  { first, end }: Stretch,
  signal: AbortSignal | undefined,
): Promise<void> {
  let bytes: Uint8Array;
  let bits: Uint8Array | null;
  try {
    bytes = await mft.rawRecords(first, end - first);
    bits = await inUse(recordBits, first, end);
  } catch (error) {
    // An unreadable sector only makes the check partial; the map is unaffected.
    signal?.throwIfAborted();
    check.addUnread(`records ${first} to ${end - 1}`, (error as Error).message);
    return;
  }
  const { recordBytes, clusterCount, clusterBytes } = volume.boot;
  // Record 0 is the $MFT itself, which was read before, from its mirror if need be.
  for (let number = Math.max(1, first); number < end; number++) {
    const at = (number - first) * recordBytes;
    const view = new DataView(bytes.buffer, bytes.byteOffset + at, recordBytes);
    const bit = number - Math.floor(first / 8) * 8;
    const isInUse = bits === null || (((bits[bit >> 3] ?? 0) >> (bit & 7)) & 1) === 1;
    try {
      claimRecord(
        view,
        { number, isInUse, clusterCount, offset: () => mft.offsetOf(number) },
        (lcn, count) => {
          const start = lcn * clusterBytes;
          check.claim(() => nameOf(view, number), start, count * clusterBytes);
        },
      );
    } catch (error) {
      if (!(error instanceof ParseError)) throw error;
      check.addUnread(`record ${number}`, error.message);
    }
  }
}

/** The bits of the records from `first`, rounded down to eight, on. Those behind the last bit there is are not set. */
async function inUse(bits: Stream | null, first: number, end: number): Promise<Uint8Array | null> {
  if (bits === null) return null;
  const from = Math.floor(first / 8);
  const length = Math.max(0, Math.min(Math.ceil(end / 8), bits.sizeBytes) - from);
  const found = new Uint8Array(Math.ceil(end / 8) - from);
  if (length > 0) found.set(await bits.read(from, length));
  return found;
}

interface RecordFacts {
  readonly number: number;
  /** By $MFT:$BITMAP; what a sound record says of itself counts too. */
  readonly isInUse: boolean;
  readonly clusterCount: number;
  /** On the device. */
  readonly offset: () => number;
}

/** @throws ParseError where the record, or a run in it, is not sound. */
function claimRecord(
  record: DataView,
  { number, isInUse, clusterCount, offset }: RecordFacts,
  claim: (lcn: number, count: number) => void,
): void {
  const corrupt = (what: string): ParseError =>
    new ParseError('CORRUPT', what, { structure: `$MFT record ${number}`, offsetBytes: offset() });
  if (record.getUint32(0, true) !== fileMagic) {
    if (isInUse) throw corrupt('no FILE signature');
    return;
  }
  if ((record.getUint16(22, true) & 1) === 0) return;
  const fault = fixInPlace(record);
  if (fault !== null) throw corrupt(fault);
  visitPieces(record, corrupt, (piece) => {
    const isBadClusters =
      number === badClustersRecord &&
      piece.type === attributeTypes.data &&
      piece.name() === badStreamName;
    if (isBadClusters) return;
    const clusters = visitRuns(piece.mappingPairs, clusterCount, corrupt, (lcn, count) => {
      if (lcn !== null) claim(lcn, count);
    });
    if (!keepsPromise(piece.highestVcn, piece.lowestVcn + clusters)) {
      throw corrupt(`${clusters} clusters from ${piece.lowestVcn} to ${piece.highestVcn}`);
    }
  });
}

function nameOf(record: DataView, number: number): string {
  const name = fileNameOf(record);
  const base = record.getUint32(32, true) + record.getUint16(36, true) * 2 ** 32;
  if (name !== null) return `record ${number} (${JSON.stringify(name)})`;
  return base === 0 ? `record ${number}` : `record ${number} (of record ${base})`;
}
