/** The log: clean, replayed in memory, or impossible to replay. */

import type { ByteReader } from '../../reader.js';
import type { Geometry } from '../superblock.js';
import type { LogPlace, MetadataView } from '../view.js';
import { basicBlockBytes, LogBlocks } from './blocks.js';
import { LogFault } from './fault.js';
import { changesGeometry, replay } from './replay.js';
import { findSpan, type LogSpan } from './tail.js';

export type LogOutcome =
  | { readonly state: 'external' | 'unfollowable'; readonly detail: string }
  | { readonly state: 'clean'; readonly detail: string; readonly newest: LogPlace | null }
  | {
      readonly state: 'replayed';
      readonly detail: string;
      /** The device as it is after replay. */
      readonly view: MetadataView;
      /** Inodes that the log changes, which nobody replays here; null where there are too many to list. */
      readonly inodes: ReadonlySet<number> | null;
      /** Every buffer that replay writes: in use, whatever else claims. */
      forEachWritten(visit: (startBytes: number, lengthBytes: number) => void): void;
    };

/**
 * Finds out what the log holds and replays it in memory. There is no dirty flag in XFS: the log is
 * clean when its head is an unmount record. Never rejects for what is in the log.
 */
export async function readLog(
  reader: ByteReader,
  geometry: Geometry,
  external: ByteReader | undefined,
): Promise<LogOutcome> {
  const { startBytes, lengthBytes } = geometry.log;
  const device = startBytes === null ? external : reader;
  if (device === undefined) {
    return { state: 'external', detail: 'the log lies on another device, which was not given' };
  }
  const from = startBytes ?? 0;
  if (lengthBytes < 2 * basicBlockBytes || from + lengthBytes > device.sizeBytes) {
    return { state: 'unfollowable', detail: 'the log does not fit at its recorded position' };
  }
  try {
    return await follow(reader, geometry, new LogBlocks(device, from, lengthBytes));
  } catch (error) {
    if (!(error instanceof LogFault)) throw error;
    return { state: 'unfollowable', detail: `the log cannot be replayed: ${error.message}` };
  }
}

async function follow(reader: ByteReader, geometry: Geometry, log: LogBlocks): Promise<LogOutcome> {
  const found = await findSpan(log, geometry);
  if (found.state === 'clean') return found;
  const { span } = found;
  if (geometry.unknownLogFeatures) {
    return { state: 'unfollowable', detail: 'the log holds kinds of items unknown to this parser' };
  }
  const replayed = await replay(reader, geometry, log, span);
  if (await changesGeometry(reader, replayed)) {
    return { state: 'unfollowable', detail: 'the log changes the size of the file system' };
  }
  return {
    state: 'replayed',
    detail: describe(span, replayed.transactions),
    view: replayed.overlay,
    inodes: replayed.inodes,
    forEachWritten: (visit) => {
      replayed.written.forEach((length, start) => {
        visit(start, length);
      });
    },
  };
}

function describe(span: LogSpan, transactions: number): string {
  const torn = span.tornBlocks > 0 ? `, ${span.tornBlocks} torn blocks cut off` : '';
  return `replayed ${transactions} transactions from log block ${span.tail} to ${span.head}${torn}`;
}
