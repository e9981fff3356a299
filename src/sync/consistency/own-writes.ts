/**
 * Releasing a moment may write to the source by itself. That is no reason for another epoch: an idle
 * source would never be idle. But a writer who had to wait may have been as fast as that: whatever else
 * was written there is a reason.
 */

import type { ByteReader } from '../../../fsparsers/reader.js';
import { type ExtentList, subtract, totalBytes } from '../../region/index.js';
import type { HeldPoint, PointSource } from './point-source.js';

/** The superblocks of XFS and ext4: what the release itself changes. */
const superblocks = [
  [0, 512],
  [1024, 2048],
] as const;

export interface OwnWritesOptions {
  /** Reads the source at any time, past the page cache. */
  readonly reader: ByteReader;
  /** Drains what was written since the moment, right behind its release. */
  readonly drain: (own: OwnWrites) => Promise<void>;
}

/** The moments of another point source, each followed by a drain that knows what the release wrote. */
export class OwnWritesPoints implements PointSource {
  readonly #points: PointSource;
  readonly #options: OwnWritesOptions;

  constructor(points: PointSource, options: OwnWritesOptions) {
    this.#points = points;
    this.#options = options;
  }

  /** Rejects as the other point source does; release() as `drain` does, too. */
  async hold(): Promise<HeldPoint> {
    const { reader, drain } = this.#options;
    const held = await this.#points.hold();
    try {
      const own = await OwnWrites.expect(held, reader);
      const release = async () => {
        const released = await held.release();
        if (released.kind === 'lasted') await drain(own);
        return released;
      };
      return { ...held, release };
    } catch (error) {
      await held[Symbol.asyncDispose]();
      throw error;
    }
  }
}

/** What the release of one moment may write. */
export class OwnWrites {
  readonly #extents: ExtentList;
  readonly #reader: ByteReader;
  readonly #before: Buffer;

  private constructor(extents: ExtentList, reader: ByteReader, before: Buffer) {
    this.#extents = extents;
    this.#reader = reader;
    this.#before = before;
  }

  /** Looks, while the moment is held, at where its release writes. */
  static async expect({ ownWrites, reader }: HeldPoint, later: ByteReader): Promise<OwnWrites> {
    return new OwnWrites(ownWrites, later, await besidesSuperblocks(reader, ownWrites));
  }

  /** Whether all of this lies where the release writes. */
  covers(written: ExtentList): boolean {
    return subtract(written, this.#extents).length === 0;
  }

  /** Whether, after the release, nothing but the superblocks has changed there. */
  async areAll(): Promise<boolean> {
    return (await besidesSuperblocks(this.#reader, this.#extents)).equals(this.#before);
  }
}

/** Release writes begin at the source's first byte. */
async function besidesSuperblocks(reader: ByteReader, ownWrites: ExtentList): Promise<Buffer> {
  const lengthBytes = totalBytes(ownWrites);
  if (lengthBytes === 0) return Buffer.alloc(0);
  const bytes = Buffer.from(await reader.read(0, lengthBytes));
  for (const [start, end] of superblocks) bytes.fill(0, start, end);
  return bytes;
}
