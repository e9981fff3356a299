/**
 * A buffer in memory for the last ranges of a cutover. They are read into it while the source is held and
 * written to the targets after the release, so that no writer waits for a slow target.
 */

import { randomUUID } from 'node:crypto';
import { open, rm, statfs, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import {
  copy,
  type CopyResult,
  type DescriptorEndpoint,
  descriptorEndpoint,
  type EndpointDescription,
  EngineError,
  type IoOptions,
} from '../../engine/index.js';
import { forgetDescriptor, nameDescriptor } from '../../descriptors.js';
import { exitCodes, FastsyncError } from '../../errors.js';
import { type ExtentList, totalBytes } from '../../region/index.js';
import { formatBytes } from '../../report/index.js';
import { watchJob } from '../watch-job.js';

/** POSIX shared memory is a tmpfs on every Linux. Where it is not mounted, /run usually is one. */
const usualDirectories = ['/dev/shm', '/run'];
/** statfs(2) */
const tmpfsMagic = 0x01021994;
/** The share of the free memory that the buffer may use. */
const memoryShare = 0.25;
const spaceShare = 0.5;
/**
 * Writers wait, or soon will, and the ranges are mostly small and scattered: many requests at a time, and
 * little memory to set up for each call.
 */
const cutoverIo = { bytesPerSecond: 0, queueDepth: 128, chunkBytes: 64 * 1024 };

export interface FillOptions {
  readonly ioOptions: IoOptions;
  readonly rescue: boolean;
  readonly signal: AbortSignal;
}

/** An unnamed file in memory. Each byte lies at its offset on the volume. */
export class CutoverBuffer {
  readonly #handle: FileHandle;
  readonly #directory: string;
  readonly #sizeBytes: number;

  private constructor(handle: FileHandle, directory: string, sizeBytes: number) {
    this.#handle = handle;
    this.#directory = directory;
    this.#sizeBytes = sizeBytes;
    nameDescriptor(handle.fd, `the memory of ${directory}`);
  }

  /** For a volume of `sizeBytes`. Rejects with FastsyncError NO_SHARED_MEMORY. */
  static async open(
    sizeBytes: number,
    directories: readonly string[] = usualDirectories,
  ): Promise<CutoverBuffer> {
    for (const directory of directories) {
      const handle = await openIn(directory, sizeBytes).catch(() => null);
      if (handle !== null) return new CutoverBuffer(handle, directory, sizeBytes);
    }
    throw new FastsyncError({
      code: 'NO_SHARED_MEMORY',
      exitCode: exitCodes.usage,
      message: `no tmpfs for the cutover buffer was found (${directories.join(', ')})`,
      remedy: 'mount one: mount -t tmpfs tmpfs /dev/shm',
    });
  }

  get endpoint(): DescriptorEndpoint {
    return descriptorEndpoint(this.#handle.fd);
  }

  /** How much the buffer should hold at most, given the memory that is free now. */
  async capacityBytes(): Promise<number> {
    const { bavail, bsize } = await statfs(this.#directory);
    const memoryBytes = process.availableMemory() * memoryShare;
    return Math.floor(Math.min(bavail * bsize * spaceShare, memoryBytes));
  }

  /**
   * Empties the buffer and reads ranges of the source into it. Rejects with EngineError where the source
   * cannot be read, and with CUTOVER_BUFFER_FULL.
   */
  async fill(
    source: EndpointDescription,
    extents: ExtentList,
    options: FillOptions,
  ): Promise<CopyResult> {
    await this.#handle.truncate(0);
    await this.#handle.truncate(this.#sizeBytes);
    return this.#read(source, extents, options, 'empty');
  }

  /** Reads more ranges into the buffer, overwriting what it holds of them. Rejects as fill() does. */
  add(source: EndpointDescription, extents: ExtentList, options: FillOptions): Promise<CopyResult> {
    return this.#read(source, extents, options, 'filled');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    forgetDescriptor(this.#handle.fd);
    await this.#handle.close();
  }

  async #read(
    source: EndpointDescription,
    extents: ExtentList,
    { ioOptions, rescue, signal }: FillOptions,
    before: 'empty' | 'filled',
  ): Promise<CopyResult> {
    const urgent = { ...ioOptions, ...cutoverIo };
    const job = copy({
      ...urgent,
      source,
      targets: [this.endpoint],
      extents,
      rescue,
      targetsAreZero: before === 'empty',
    });
    try {
      return await watchJob(job, { signal });
    } catch (error) {
      if (error instanceof EngineError && error.side !== 'source') throw this.#full(extents, error);
      throw error;
    }
  }

  #full(extents: ExtentList, cause: EngineError): FastsyncError {
    return new FastsyncError({
      code: 'CUTOVER_BUFFER_FULL',
      exitCode: exitCodes.incomplete,
      message: `${this.#directory} has no room for the last ${formatBytes(totalBytes(extents))} (${cause.code})`,
      remedy: 'free some memory, and run the same command again',
      cause,
    });
  }
}

async function openIn(directory: string, sizeBytes: number): Promise<FileHandle> {
  // Only a tmpfs will do: any other file system may be slower than the target, or be frozen itself.
  const { type } = await statfs(directory);
  if (type !== tmpfsMagic) throw new Error(`Expected a tmpfs on ${directory}`);
  const name = path.join(directory, `fastsync-${randomUUID()}`);
  const handle = await open(name, 'wx+', 0o600);
  try {
    await rm(name);
    await handle.truncate(sizeBytes);
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}
