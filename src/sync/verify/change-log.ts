/** A write detector that knows where: the write trackers of both sides, and a record of all they have said. */

import { emptyExtents, type ExtentList, extentOf, union } from '../../region/index.js';
import { fineGranularity, startTracker, type Tracker } from '../../tracker/index.js';
import type { Volume } from '../../volume/index.js';
import { countingDetector, firstWriteCounterOf, type WriteDetector } from './write-detector.js';

export interface ChangeLog extends WriteDetector, AsyncDisposable {
  /** Everything that was written, on either side, since this was last asked. */
  take(): ExtentList;
  /** All that is to be compared, with everything that was written since. */
  readonly concerned: ExtentList;
  /** Why a write may have been missed: then nothing is known any more. */
  readonly broken: string | null;
}

/**
 * Follows the source by a tracker that is running, and the other side by one of its own where it is a
 * device; a file's times of change tell that it was written, and not where: then all of `workList` may
 * have been, and all that was written on the source. What neither uses is nobody's data and may differ.
 * Rejects as startTracker().
 */
export async function logChanges(
  source: Tracker,
  other: Volume | null,
  workList: ExtentList,
  deviceBytes: number,
): Promise<ChangeLog> {
  const own =
    other?.identity.kind === 'block'
      ? await startTracker(other, { granularityBytes: fineGranularity(other.identity.sizeBytes) })
      : null;
  const byCounter = other !== null && own === null ? [other] : [];
  const accounts = await Promise.all(byCounter.map(firstWriteCounterOf));
  return new TrackerChangeLog(
    own === null ? [source] : [source, own],
    countingDetector(byCounter, accounts, deviceBytes),
    own,
    workList,
    deviceBytes,
  );
}

/** 128 MiB of memory, beside what the work list takes. */
const mostExtents = 1 << 23;

class TrackerChangeLog implements ChangeLog {
  readonly #trackers: readonly Tracker[];
  readonly #accounts: WriteDetector;
  readonly #own: Tracker | null;
  readonly #deviceBytes: number;
  readonly #mostExtents: number;
  /** What a write that nobody can place may have touched, of all that is to be compared. */
  #concerned: ExtentList;
  #written: ExtentList = emptyExtents;
  #broken: string | null = null;

  constructor(
    trackers: readonly Tracker[],
    accounts: WriteDetector,
    own: Tracker | null,
    workList: ExtentList,
    deviceBytes: number,
  ) {
    this.#trackers = trackers;
    this.#accounts = accounts;
    this.#own = own;
    this.#concerned = workList;
    this.#mostExtents = workList.length / 2 + mostExtents;
    this.#deviceBytes = deviceBytes;
  }

  get concerned(): ExtentList {
    return this.#concerned;
  }

  get broken(): string | null {
    return this.#broken;
  }

  async writtenSince(): Promise<ExtentList> {
    const account = await this.#accounts.writtenSince();
    let written = emptyExtents;
    for (const tracker of this.#trackers) {
      const { dirty, missed, joined = false } = await tracker.drain();
      this.#broken ??= missed;
      if (joined) this.#giveUp();
      written = union(written, dirty);
    }
    // What the source has got since its map was read is to be compared as well.
    this.#concerned = union(this.#concerned, written);
    if (account === 'unknown' || account.length > 0) written = this.#concerned;
    const said = this.#broken === null ? written : extentOf(0, this.#deviceBytes);
    this.#written = union(this.#written, said);
    if (this.#written.length + this.#concerned.length > 2 * this.#mostExtents) this.#giveUp();
    return said;
  }

  /** What was not written must not be joined with what was: in free space the sides may differ. */
  #giveUp(): void {
    this.#broken ??= 'they went to more places than can be kept account of';
    this.#written = extentOf(0, this.#deviceBytes);
    this.#concerned = this.#written;
  }

  take(): ExtentList {
    const written = this.#written;
    this.#written = emptyExtents;
    return written;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#own?.stop();
  }
}
