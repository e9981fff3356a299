/**
 * The journal of one target: a sparse file of the volume's size that holds staged bytes at their own
 * offsets, so that the engine's copy job can stage and apply them. It is valid only with its commit
 * record, which is written last and removed first.
 */

import { constants } from 'node:fs';
import { open, rm, stat, statfs, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { forgetDescriptor, nameDescriptor } from '../../descriptors.js';
import {
  copy,
  type DescriptorEndpoint,
  descriptorEndpoint,
  digest,
  digestCells,
  type EndpointDescription,
  EngineError,
  type IoOptions,
} from '../../engine/index.js';
import { exitCodes } from '../../errors.js';
import { inFlight, isGivenUp } from '../../in-flight.js';
import { openFile } from '../../own-file.js';
import { emptyExtents, type ExtentList, totalBytes, union } from '../../region/index.js';
import { errnoName, FileByteReader, volumeError } from '../../volume/index.js';
import type { StateFile } from '../state-file.js';
import { watchJob, type Watch } from '../watch-job.js';
import { type CommitRecord, newCommitRecord } from './commit-record.js';
import { signatureAreaDigest } from '../target-header/index.js';
import { commitRecordFile, journalFile, makeJournal, journalName } from './journal-files.js';
import { journalFull, journalGone, journalUnusable } from './errors.js';

/** Space left free on the journal's file system for its other users. */
const reservedBytes = 64 * 1024 * 1024;

const digestCellBytes = 16 * 1024 * 1024;

export class Journal {
  readonly directory: string;
  readonly path: string;
  #handle: FileHandle;
  readonly #record: StateFile<CommitRecord>;
  readonly sizeBytes: number;
  #staged: ExtentList = emptyExtents;

  private constructor(
    file: string,
    handle: FileHandle,
    record: StateFile<CommitRecord>,
    sizeBytes: number,
  ) {
    this.directory = path.dirname(file);
    this.path = file;
    this.#handle = handle;
    this.#record = record;
    this.sizeBytes = sizeBytes;
    nameDescriptor(handle.fd, journalName(file));
  }

  /** Opens or creates the journal named `key`. A journal without a commit record is emptied. */
  static async open(directory: string, key: string, sizeBytes: number): Promise<Journal> {
    const file = journalFile(directory, key);
    const handle = await makeJournal(file).catch((error: unknown) => {
      throw journalUnusable('open', file, error, exitCodes.usage);
    });
    const journal = new Journal(file, handle, commitRecordFile(directory, key), sizeBytes);
    try {
      if ((await journal.#load()) === null) await journal.reset();
      return journal;
    } catch (error) {
      await journal.close();
      throw error;
    }
  }

  /** Opens the journal named `key` as an earlier run left it; null if there is none. */
  static async openExisting(directory: string, key: string): Promise<Journal | null> {
    const file = journalFile(directory, key);
    const handle = await openFile(file, constants.O_RDWR).catch((error: unknown) => {
      if (errnoName(error) === 'ENOENT') return null;
      throw volumeError(file, error);
    });
    if (handle === null) return null;
    const { size } = await handle.stat();
    const journal = new Journal(file, handle, commitRecordFile(directory, key), size);
    await journal.#load();
    return journal;
  }

  get endpoint(): DescriptorEndpoint {
    return descriptorEndpoint(this.#handle.fd);
  }

  get reader(): FileByteReader {
    return new FileByteReader(this.#handle, journalName(this.path), this.sizeBytes);
  }

  /** The ranges staged since the last reset. */
  get staged(): ExtentList {
    return this.#staged;
  }

  /**
   * Copies ranges of a volume into the journal. Rejects with JOURNAL_FULL before the file system is full,
   * with JOURNAL_UNUSABLE, and as the copy job does; it is then unknown which of the ranges were staged.
   */
  async stage(
    source: EndpointDescription,
    extents: ExtentList,
    ioOptions: IoOptions,
    watch: Watch,
  ): Promise<void> {
    if (extents.length === 0) return;
    const bytes = totalBytes(extents);
    const { bavail, bsize } = await statfs(this.directory).catch((error: unknown) => {
      throw journalUnusable('stage into', this.path, error);
    });
    if (bavail * bsize < bytes + reservedBytes) throw journalFull(this.directory, bytes);
    try {
      const job = copy({ ...ioOptions, source, targets: [this.endpoint], extents });
      const { cancelled } = await watchJob(job, watch);
      if (cancelled) throw abortOf(watch.signal);
    } catch (error) {
      const isFull = error instanceof EngineError && /^(ENOSPC|EDQUOT)$/.test(error.code);
      throw isFull ? journalFull(this.directory, bytes, error.code === 'EDQUOT') : error;
    }
    this.#staged = union(this.#staged, extents);
  }

  /**
   * Commits what is staged. The copy jobs have flushed it; the digest reads it back. Rejects with
   * JOURNAL_GONE where the file was removed: nobody would find it after a crash.
   */
  async commit(
    record: Omit<
      CommitRecord,
      'schema' | 'checksum' | 'digest' | 'signatureArea' | 'extents' | 'sizeBytes'
    >,
  ): Promise<CommitRecord> {
    await this.#doing('flush', () => this.#handle.sync());
    if (!(await this.#isInPlace())) throw journalGone(this.path);
    const published = newCommitRecord({
      ...record,
      sizeBytes: this.sizeBytes,
      extents: [...this.#staged],
      digest: await this.#digest(),
      signatureArea: await signatureAreaDigest(this.reader),
    });
    await this.#record.save(published);
    return published;
  }

  /** The commit record of the epoch that waits to be applied, or null. */
  async committed(): Promise<CommitRecord | null> {
    const record = await this.#record.load();
    return record?.sizeBytes === this.sizeBytes ? record : null;
  }

  /** Whether the journal still holds what was committed. */
  async isIntact(record: CommitRecord): Promise<boolean> {
    const { size } = await this.#handle.stat();
    return size === this.sizeBytes && (await this.#digest()) === record.digest;
  }

  /**
   * Removes the commit record durably, then the staged bytes, always in this order. Creates the file
   * again if it was removed.
   */
  async reset(): Promise<void> {
    await this.#doing('empty', async () => {
      if (!(await this.#isInPlace())) await this.#renew();
      await rm(this.#record.path, { force: true });
      const directory = await open(this.directory, 'r');
      await directory.sync().finally(() => directory.close());
      await this.#handle.truncate(0);
      await this.#handle.truncate(this.sizeBytes);
    });
    this.#staged = emptyExtents;
  }

  async close(): Promise<void> {
    forgetDescriptor(this.#handle.fd);
    const name = journalName(this.path);
    if (!isGivenUp(name)) await inFlight(name, () => this.#handle.close());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #isInPlace(): Promise<boolean> {
    const own = await this.#handle.stat({ bigint: true });
    const there = await stat(this.path, { bigint: true }).catch(() => null);
    return there?.ino === own.ino && there.dev === own.dev;
  }

  async #renew(): Promise<void> {
    const old = this.#handle;
    this.#handle = await makeJournal(this.path);
    nameDescriptor(this.#handle.fd, journalName(this.path));
    forgetDescriptor(old.fd);
    await old.close();
  }

  async #doing<T>(action: string, does: () => Promise<T>): Promise<T> {
    try {
      return await inFlight(journalName(this.path), does);
    } catch (error) {
      throw journalUnusable(action, this.path, error);
    }
  }

  /** An epoch that an earlier run committed counts as staged. */
  async #load(): Promise<CommitRecord | null> {
    const record = await this.committed();
    if (record !== null) this.#staged = Float64Array.from(record.extents);
    return record;
  }

  async #digest(): Promise<string> {
    const job = digestCells({
      source: this.endpoint,
      extents: this.#staged,
      algorithm: 'xxh3-128',
      cellBytes: digestCellBytes,
    });
    const { cells, digests, unreadableRanges } = await job.done;
    if (unreadableRanges.length > 0) return 'unreadable';
    const numbers = Buffer.from(cells.buffer, cells.byteOffset, cells.byteLength);
    return Buffer.from(digest(Buffer.concat([numbers, digests]))).toString('hex');
  }
}

/** Why a job was cancelled. The reason of our signals is always an Error. */
export function abortOf(signal: AbortSignal | undefined): Error {
  const reason: unknown = signal?.reason;
  return reason instanceof Error ? reason : new Error('cancelled', { cause: reason });
}
