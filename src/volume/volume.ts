/** A volume as the use cases know it: whatever they ask is answered by the host that owns the disk. */

import type { ByteReader } from '../../fsparsers/reader.js';
import type {
  DescriptorEndpoint,
  DigestRequest,
  DigestResult,
  EndpointDescription,
  Job,
} from '../engine/index.js';
import type { VolumeIdentity } from './identity.js';

/** What the owner's kernel counts of the writes to a volume, at one moment. */
export interface WriteCounter {
  /**
   * Stays the same as long as nothing is written to the volume. Another boot or another attachment
   * changes it too. Null where the kernel does not count. To be compared with an earlier one, not read.
   */
  readonly value: string | null;
  /** A write was in flight, or so recent that the next one may leave the value as it is. */
  readonly isFresh: boolean;
}

/** An open volume. `await using` or close() closes it. */
export interface Volume extends AsyncDisposable {
  readonly identity: VolumeIdentity;
  /** Reads through the page cache of the owner's kernel: for volumes that nothing has mounted. */
  readonly reader: ByteReader;
  /**
   * Reads past the page cache: for a mounted and frozen file system, which writes around the device's
   * cache, and for what other hosts write.
   */
  readonly directReader: ByteReader;
  /**
   * Gives the volume to engine jobs as one of their sides, until `use` has settled. What a volume of
   * another host is asked meanwhile waits: `use` must not wait for that.
   */
  lend<T>(use: (endpoint: EndpointDescription) => Promise<T>): Promise<T>;
  /**
   * Digests cells as the engine's digestCells() does, on the owner's host: what a comparison across hosts
   * asks for instead of the data.
   */
  digestCells(request: Omit<DigestRequest, 'source'>): Job<DigestResult>;
  /** Writes `bytes` at `offsetBytes`; resolves when they are durable. For headers and stamps. */
  writeDurably(offsetBytes: number, bytes: Uint8Array): Promise<void>;
  /** Flushes everything that was written to the volume, by whomever. */
  sync(): Promise<void>;
  /** Flushes first, so that writes that wait in the cache do not count later. Never rejects. */
  writeCounter(): Promise<WriteCounter>;
  /**
   * Where the next data begins, at `offsetBytes` or after it; null where only a hole follows. A device,
   * and a file system that does not know its holes, has data everywhere.
   */
  nextData(offsetBytes: number): Promise<number | null>;
  /** False for a file that was deleted or replaced since it was opened. */
  isInPlace(): Promise<boolean>;
  close(): Promise<void>;
}

/** A volume of this host. */
export interface HostVolume extends Volume {
  /** The volume as a side of an engine job. Valid until close(). */
  readonly endpoint: DescriptorEndpoint;
}

/** Lends all of them at once; the endpoints come in the same order. */
export function lendAll<T>(
  volumes: readonly Volume[],
  use: (endpoints: readonly EndpointDescription[]) => Promise<T>,
): Promise<T> {
  const [first, ...rest] = volumes;
  if (first === undefined) return use([]);
  return first.lend((endpoint) => lendAll(rest, (others) => use([endpoint, ...others])));
}
