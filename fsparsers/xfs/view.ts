/** How metadata is read: the device as it is, or as it will be once the log has been replayed. */

import type { ByteReader } from '../reader.js';

export interface MetadataView extends ByteReader {
  /**
   * Whether replay changed these bytes. Their checksum is then the one from before the change: the
   * kernel recomputes it when it writes the block.
   */
  isReplayed(offsetBytes: number, lengthBytes: number): boolean;
  /** The log's head: nothing on disk can be newer. Null where it is not known, or must not matter. */
  readonly newest: LogPlace | null;
}

/** A log sequence number: the cycle, and the block within it. */
export interface LogPlace {
  readonly cycle: number;
  readonly block: number;
}

/** The device as it is. */
export function onDisk(reader: ByteReader, newest: LogPlace | null): MetadataView {
  return {
    sizeBytes: reader.sizeBytes,
    read: (offsetBytes, lengthBytes) => reader.read(offsetBytes, lengthBytes),
    isReplayed: () => false,
    newest,
  };
}

/** One half of NULLCOMMITLSN, the stamp of what never went through the log: xfs_repair leaves it. */
const neverLogged = 0xffffffff;

/**
 * Whether metadata stamped so was written after the log's head, which cannot be: the log then lost
 * records or is not the one that belongs to the volume (xfs_log_check_lsn).
 */
export function isNewerThanLog(view: MetadataView, cycle: number, block: number): boolean {
  const { newest } = view;
  if (newest === null || (cycle === neverLogged && block === neverLogged)) return false;
  return cycle > newest.cycle || (cycle === newest.cycle && block > newest.block);
}

/** A reader that stops, with the signal's reason, at the next read after an abort. */
export function abortable(reader: ByteReader, signal: AbortSignal | undefined): ByteReader {
  if (signal === undefined) return reader;
  return {
    sizeBytes: reader.sizeBytes,
    read: (offsetBytes, lengthBytes) => {
      signal.throwIfAborted();
      return reader.read(offsetBytes, lengthBytes);
    },
  };
}
