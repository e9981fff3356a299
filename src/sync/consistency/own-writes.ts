/**
 * Releasing a moment may write to the source. Such writes are no reason for another epoch, or an idle
 * source would never be idle. But a waiting writer may have written in the same instant, so any other
 * change there is a reason.
 */

import type { ByteReader } from '../../../fsparsers/reader.js';
import { type ExtentList, subtract, totalBytes } from '../../region/index.js';
import type { HeldPoint, PointSource } from './point-source.js';

/** The superblocks of XFS and ext4, which the release changes. */
const superblocks = [
  [0, 512],
  [1024, 2048],
] as const;

export interface OwnWritesOptions {
  /** Reads the source at any time, past the page cache. */
  readonly reader: ByteReader;
  /** Drains what was written since the moment, right after its release. */
  readonly drain: (own: OwnWrites) => Promise<void>;
}

/** Wraps another point source: after each release it drains, knowing what the release wrote. */
export class OwnWritesPoints implements PointSource {
  readonly #points: PointSource;
  readonly #options: OwnWritesOptions;

  constructor(points: PointSource, options: OwnWritesOptions) {
    this.#points = points;
    this.#options = options;
  }

  /** Rejects as the other point source does; release() also rejects as `drain` does. */
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

/** The writes that the release of one moment may make. */
export class OwnWrites {
  readonly #extents: ExtentList;
  readonly #reader: ByteReader;
  readonly #before: Buffer;

  private constructor(extents: ExtentList, reader: ByteReader, before: Buffer) {
    this.#extents = extents;
    this.#reader = reader;
    this.#before = before;
  }

  /** Reads, while the moment is held, the ranges that its release writes. */
  static async expect({ ownWrites, reader }: HeldPoint, later: ByteReader): Promise<OwnWrites> {
    return new OwnWrites(ownWrites, later, await besidesSuperblocks(reader, ownWrites));
  }

  /** Whether all of these writes lie where the release writes. */
  covers(written: ExtentList): boolean {
    return subtract(written, this.#extents).length === 0;
  }

  /** Whether, after the release, only the superblocks have changed there. */
  async areAll(): Promise<boolean> {
    return (await besidesSuperblocks(this.#reader, this.#extents)).equals(this.#before);
  }
}

/** The ranges that a release writes begin at the source's first byte. */
async function besidesSuperblocks(reader: ByteReader, ownWrites: ExtentList): Promise<Buffer> {
  const lengthBytes = totalBytes(ownWrites);
  if (lengthBytes === 0) return Buffer.alloc(0);
  const bytes = Buffer.from(await reader.read(0, lengthBytes));
  for (const [start, end] of superblocks) bytes.fill(0, start, end);
  return bytes;
}
