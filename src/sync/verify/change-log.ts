/** A write detector that knows the written ranges: it logs what the write trackers of both sides report. */

import { emptyExtents, type ExtentList, extentOf, union } from '../../region/index.js';
import { fineGranularity, startTracker, type Tracker } from '../../tracker/index.js';
import { isOfThisHost, type Volume } from '../../volume/index.js';
import { countingDetector, firstWriteCounterOf, type WriteDetector } from './write-detector.js';

export interface ChangeLog extends WriteDetector, AsyncDisposable {
  /** Everything written on either side since the last call. */
  take(): ExtentList;
  /** The ranges to compare, together with everything written since. */
  readonly concerned: ExtentList;
  /** Why writes may have been missed; from then on every range counts as written. */
  readonly broken: string | null;
}

/**
 * Uses the tracker that runs on the source, and starts one on the other side where that is a device of
 * this host. A file's times and another host's write counters only tell that it was written, not where;
 * then all of `workList`, and everything written on the source, counts as written. Ranges that neither
 * side uses may differ. Rejects as startTracker().
 */
export async function logChanges(
  source: Tracker,
  other: Volume | null,
  workList: ExtentList,
  deviceBytes: number,
): Promise<ChangeLog> {
  const own =
    other?.identity.kind === 'block' && isOfThisHost(other.identity)
      ? await startTracker(other, { granularityBytes: fineGranularity(other.identity.sizeBytes) })
      : null;
  const counted = other !== null && own === null ? [other] : [];
  const counters = await Promise.all(counted.map(firstWriteCounterOf));
  return new TrackerChangeLog(
    own === null ? [source] : [source, own],
    countingDetector(counted, counters, deviceBytes),
    own,
    workList,
    deviceBytes,
  );
}

/** 128 MiB of memory, in addition to the work list. */
const mostExtents = 1 << 23;

class TrackerChangeLog implements ChangeLog {
  readonly #trackers: readonly Tracker[];
  readonly #byCounter: WriteDetector;
  readonly #own: Tracker | null;
  readonly #deviceBytes: number;
  readonly #mostExtents: number;
  /** The ranges to compare: a write at an unknown offset may have hit any of them. */
  #concerned: ExtentList;
  #written: ExtentList = emptyExtents;
  #broken: string | null = null;

  constructor(
    trackers: readonly Tracker[],
    byCounter: WriteDetector,
    own: Tracker | null,
    workList: ExtentList,
    deviceBytes: number,
  ) {
    this.#trackers = trackers;
    this.#byCounter = byCounter;
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
    const counted = await this.#byCounter.writtenSince();
    let written = emptyExtents;
    for (const tracker of this.#trackers) {
      const { dirty, missed, joined = false } = await tracker.drain();
      this.#broken ??= missed;
      if (joined) this.#giveUp();
      written = union(written, dirty);
    }
    // What was written to the source since its map was read has to be compared as well.
    this.#concerned = union(this.#concerned, written);
    if (counted === 'unknown' || counted.length > 0) written = this.#concerned;
    const said = this.#broken === null ? written : extentOf(0, this.#deviceBytes);
    this.#written = union(this.#written, said);
    if (this.#written.length + this.#concerned.length > 2 * this.#mostExtents) this.#giveUp();
    return said;
  }

  /** The log must not join ranges across free space, where the sides may differ. */
  #giveUp(): void {
    this.#broken ??= 'the writes went to more ranges than the change log can hold';
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
