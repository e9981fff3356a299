/** An open manifest: its header, and what it covers. */

import { open, type FileHandle } from 'node:fs/promises';
import { reach } from '../reach.js';
import { alignOutward, ExtentBuilder, type ExtentList, intersect } from '../region/index.js';
import { withVolumeErrors } from '../volume/index.js';
import { ManifestError, unsuitable } from './error.js';
import {
  decodeHeader,
  headerProbeBytes,
  type ManifestHeader,
  type StoredHeader,
} from './header.js';
import { readAll, TreeReader } from './tree-reader.js';

export class Manifest {
  readonly file: string;
  readonly header: ManifestHeader;
  readonly tree: TreeReader;
  readonly #handle: FileHandle;
  #extents: Promise<ExtentList> | undefined;

  /** Use {@link openManifest}. */
  constructor(file: string, handle: FileHandle, header: StoredHeader) {
    this.file = file;
    this.header = header;
    this.#handle = handle;
    this.tree = new TreeReader(file, handle, header);
  }

  /** What is covered, canonical. The first call reads and checks the whole manifest. */
  extents(): Promise<ExtentList> {
    this.#extents ??= this.#readExtents();
    return this.#extents;
  }

  /** The covered part of every cell that `list` touches: what can be compared. */
  async cellAligned(list: ExtentList): Promise<ExtentList> {
    return intersect(await this.extents(), alignOutward(list, this.header.cellBytes));
  }

  close(): Promise<void> {
    return this.#handle.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #readExtents(): Promise<ExtentList> {
    const builder = new ExtentBuilder();
    const counted = { coveredBytes: 0, coveredCells: 0, unprovenBytes: 0 };
    for await (const { cells } of this.tree.leaves()) {
      counted.coveredCells += cells.length;
      for (const { coverage, digest } of cells) {
        for (let i = 0; i < coverage.length; i += 2) {
          const start = coverage[i] as number;
          const length = coverage[i + 1] as number;
          builder.add(start, start + length);
          counted.coveredBytes += length;
          if (digest === null) counted.unprovenBytes += length;
        }
      }
    }
    for (const [name, value] of Object.entries(counted)) {
      const claimed = this.header[name as keyof typeof counted];
      if (claimed !== value) {
        throw new ManifestError(
          this.file,
          'header',
          0,
          `claims ${name} ${claimed}, but ${value} are there`,
        );
      }
    }
    return builder.finish();
  }
}

/**
 * Opens a manifest and checks its header. Rejects with ManifestError (MANIFEST_DAMAGED) or
 * FastsyncError (NOT_A_MANIFEST, MANIFEST_TOO_NEW, VOLUME_NOT_FOUND, ...).
 */
export async function openManifest(file: string): Promise<Manifest> {
  await reach(file);
  return withVolumeErrors(file, async () => {
    const handle = await open(file, 'r');
    try {
      const found = await handle.stat();
      if (!found.isFile()) {
        throw unsuitable('NOT_A_MANIFEST', `${file} is not a file`, 'name a manifest');
      }
      const probe = Buffer.alloc(Math.min(headerProbeBytes, found.size));
      const got = await readAll(handle, probe, 0);
      return new Manifest(file, handle, decodeHeader(file, probe.subarray(0, got), found.size));
    } catch (error) {
      await handle.close();
      throw error;
    }
  });
}
