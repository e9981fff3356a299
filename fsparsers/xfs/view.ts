/** How metadata is read: the device as it is, or as it will be once the log has been replayed. */

import type { ByteReader } from '../reader.js';

export interface MetadataView extends ByteReader {
  /**
   * Whether replay changed these bytes. Their checksum is then the one from before the change: the
   * kernel computes it anew when it writes the block.
   */
  isReplayed(offsetBytes: number, lengthBytes: number): boolean;
}

/** The device as it is. */
export function onDisk(reader: ByteReader): MetadataView {
  return {
    sizeBytes: reader.sizeBytes,
    read: (offsetBytes, lengthBytes) => reader.read(offsetBytes, lengthBytes),
    isReplayed: () => false,
  };
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
