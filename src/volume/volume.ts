/** A volume as the use cases know it. The host that owns the disk answers every call. */

import type { ByteReader } from '../../fsparsers/reader.js';
import type {
  DescriptorEndpoint,
  DigestRequest,
  DigestResult,
  EndpointDescription,
  Job,
} from '../engine/index.js';
import type { VolumeIdentity } from './identity.js';

/** The write counter of a volume at one moment, from the kernel that owns it. */
export interface WriteCounter {
  /**
   * Stays the same as long as nothing is written to the volume. Also changes with another boot or
   * attachment. Null where the kernel does not count. Opaque: only for comparison with an earlier value.
   */
  readonly value: string | null;
  /** A write is in flight, or was so recent that the next one may not change the value. */
  readonly isFresh: boolean;
}

/** An open volume. `await using` or close() closes it. */
export interface Volume extends AsyncDisposable {
  readonly identity: VolumeIdentity;
  /** Reads through the page cache of the owner's kernel: for volumes that nothing has mounted. */
  readonly reader: ByteReader;
  /**
   * Reads past the page cache: for a mounted and frozen file system, which writes around the device's
   * cache, and for writes by other hosts.
   */
  readonly directReader: ByteReader;
  /**
   * Gives the volume to engine jobs as one of their sides, until `use` has settled. What a volume of
   * another host is asked meanwhile waits: `use` must not wait for that.
   */
  lend<T>(use: (endpoint: EndpointDescription) => Promise<T>): Promise<T>;
  /**
   * Digests cells as the engine's digestCells() does, on the owner's host; a comparison across hosts uses
   * the digests instead of the data.
   */
  digestCells(request: Omit<DigestRequest, 'source'>): Job<DigestResult>;
  /** Writes `bytes` at `offsetBytes`; resolves when they are durable. For headers and stamps. */
  writeDurably(offsetBytes: number, bytes: Uint8Array): Promise<void>;
  /** Flushes everything that anybody wrote to the volume. */
  sync(): Promise<void>;
  /** Flushes first, so that cached writes do not change the counter later. Never rejects. */
  writeCounter(): Promise<WriteCounter>;
  /**
   * The offset of the next data at or after `offsetBytes`; null where only a hole follows. Devices, and
   * file systems without hole detection, have data everywhere.
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
