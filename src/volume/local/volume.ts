/** A volume of this host, by its open descriptor. */

import { stat, type FileHandle } from 'node:fs/promises';
import type { ByteReader } from '../../../fsparsers/reader.js';
import { forgetDescriptor, nameDescriptor } from '../../descriptors.js';
import {
  type DescriptorEndpoint,
  descriptorEndpoint,
  digestCells,
  type DigestRequest,
  type DigestResult,
  type EndpointDescription,
  type Job,
  nextData,
} from '../../engine/index.js';
import { inFlight, isGivenUp } from '../../in-flight.js';
import { withVolumeErrors } from '../errors.js';
import { writeCounterOf, hasWritesInFlight, isJustWritten } from '../host/write-counter.js';
import type { VolumeIdentity } from '../identity.js';
import type { HostVolume, WriteCounter } from '../volume.js';
import { directReader } from './direct-reader.js';
import { nodeOfStat } from '../node.js';
import { FileByteReader } from './reader.js';

/** Kept referenced: the garbage collector would close it on JavaScript's only thread, which might block. */
const abandoned = new Set<FileHandle>();

export class LocalVolume implements HostVolume {
  readonly identity: VolumeIdentity;
  readonly handle: FileHandle;
  readonly reader: ByteReader;
  readonly directReader: ByteReader;

  /** Takes the handle over: close() closes it. */
  constructor(identity: VolumeIdentity, handle: FileHandle) {
    const { path, sizeBytes } = identity;
    this.identity = identity;
    this.handle = handle;
    this.reader = new FileByteReader(handle, path, sizeBytes);
    this.directReader = directReader({ fd: handle.fd, path, sizeBytes });
    nameDescriptor(handle.fd, path);
  }

  get endpoint(): DescriptorEndpoint {
    return descriptorEndpoint(this.handle.fd);
  }

  lend<T>(use: (endpoint: EndpointDescription) => Promise<T>): Promise<T> {
    return use(this.endpoint);
  }

  digestCells(request: Omit<DigestRequest, 'source'>): Job<DigestResult> {
    return digestCells({ ...request, source: this.endpoint });
  }

  writeDurably(offsetBytes: number, bytes: Uint8Array): Promise<void> {
    return this.#inFlight(async () => {
      for (let done = 0; done < bytes.length;) {
        const left = bytes.length - done;
        done += (await this.handle.write(bytes, done, left, offsetBytes + done)).bytesWritten;
      }
      await this.handle.sync();
    });
  }

  sync(): Promise<void> {
    return this.#inFlight(() => this.handle.sync());
  }

  async writeCounter(): Promise<WriteCounter> {
    const isFlushed = await this.sync().then(
      () => true,
      () => false,
    );
    const value = isFlushed ? await writeCounterOf(this.identity) : null;
    return { value, isFresh: await this.#isBeingWritten().catch(() => false) };
  }

  nextData(offsetBytes: number): Promise<number | null> {
    return this.#inFlight(() => nextData(this.handle.fd, offsetBytes));
  }

  /** A deleted file cannot be anybody's replica. */
  async isInPlace(): Promise<boolean> {
    const { kind, realPath } = this.identity;
    if (kind !== 'file') return true;
    const there = await stat(realPath, { bigint: true }).catch(() => null);
    return there !== null && nodeOfStat(there) === nodeOfStat(await this.#stat());
  }

  /** Closing may wait for a server too: a volume that was given up stays open until the process ends. */
  async close(): Promise<void> {
    forgetDescriptor(this.handle.fd);
    if (isGivenUp(this.identity.path)) abandoned.add(this.handle);
    else await inFlight(this.identity.path, () => this.handle.close());
  }

  #inFlight<T>(request: () => Promise<T>): Promise<T> {
    const { path } = this.identity;
    return withVolumeErrors(path, () => inFlight(path, request));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #stat() {
    return inFlight(this.identity.path, () => this.handle.stat({ bigint: true }));
  }

  async #isBeingWritten(): Promise<boolean> {
    return this.identity.kind === 'file'
      ? isJustWritten(await inFlight(this.identity.path, () => this.handle.stat()))
      : hasWritesInFlight(this.identity);
  }
}
