/** The backend that needs no kernel module: programs on the block layer's tracepoints. */

import { setTimeout as sleep } from 'node:timers/promises';
import { type NativeTracker, trackerAddon } from './native-tracker.js';
import { totalBytes } from '../../region/index.js';
import { type VolumeIdentity, writesInFlight } from '../../volume/index.js';
import { kernelError } from './errors.js';
import { missedBy } from './missed-events.js';
import { changeOf, type TrackedDevice, trackedDeviceOf } from './tracked-device.js';
import { granularityFor } from '../granularity.js';
import type { Drained, Tracker, TrackerHealth, TrackerOptions } from '../types.js';

/** A tracker that runs, and what it takes to go on with it elsewhere. */
export interface Started {
  readonly native: NativeTracker;
  readonly trackedDevice: TrackedDevice;
  readonly granularityBytes: number;
  /** Bios that completed before the tracker counted as started: no writes of its time. */
  readonly unmatchedAtStart: number;
}

/** Starts it. Rejects with TRACKER_UNSUPPORTED. */
export async function startBpf(
  volume: VolumeIdentity,
  { granularityBytes }: TrackerOptions,
): Promise<Started> {
  const trackedDevice = await trackedDeviceOf(volume);
  const { disk } = trackedDevice;
  const markBytes = granularityFor(disk.sizeBytes, granularityBytes);
  const native = await loaded(trackedDevice, markBytes, null);
  const unmatchedAtStart = disk.hasRequests ? 0 : await drainInFlight(native, disk.name);
  return { native, trackedDevice, granularityBytes: markBytes, unmatchedAtStart };
}

/** Loads the program, or opens one that was kept in a folder. */
export async function loaded(
  { disk }: TrackedDevice,
  markBytes: number,
  folder: string | null,
): Promise<NativeTracker> {
  const { Tracker } = trackerAddon();
  const { major: diskMajor, minor: diskMinor, startBytes, sizeBytes } = disk;
  const followsBios = !disk.hasRequests;
  try {
    const where = { diskMajor, diskMinor, startBytes, sizeBytes, followsBios };
    return new Tracker({ ...where, markBytes, folder });
  } catch (error) {
    throw await kernelError(error);
  }
}

const inFlightTries = 50;
const inFlightPauseMs = 4;

/**
 * Waits until the bios that were under way before are done: their beginning was not seen. If the
 * device never rests, those that are left show later, as a missed write.
 */
async function drainInFlight(native: NativeTracker, diskName: string): Promise<number> {
  for (let tries = 0; tries < inFlightTries; tries++) {
    if ((await writesInFlight(diskName)) === 0) break;
    await sleep(inFlightPauseMs);
  }
  return native.health().unmatchedCompletions;
}

/** Why writes may have been missed, or null. To be asked after the marks were taken, not before. */
export async function missedOf(started: Started): Promise<string | null> {
  const { native, trackedDevice, unmatchedAtStart } = started;
  return missedBy(native.health(), unmatchedAtStart) ?? (await changeOf(trackedDevice));
}

export class BpfTracker implements Tracker {
  readonly volume: VolumeIdentity;
  readonly granularityBytes: number;
  readonly #started: Started;
  #missed: string | null = null;
  #underWay = new Set<Promise<unknown>>();

  constructor(volume: VolumeIdentity, started: Started) {
    this.volume = volume;
    this.granularityBytes = started.granularityBytes;
    this.#started = started;
  }

  drain(): Promise<Drained> {
    return this.#tracked(async () => {
      const { dirty, joined } = await this.#started.native.take();
      return { dirty, missed: await this.#lookForMissed(), ...(joined && { joined }) };
    });
  }

  peek(): Promise<{ readonly dirtyBytes: number }> {
    return this.#tracked(async () => ({
      dirtyBytes: totalBytes((await this.#started.native.read()).dirty),
    }));
  }

  health(): Promise<TrackerHealth> {
    return this.#tracked(async () => {
      const missed = await this.#lookForMissed();
      const { events, memoryBytes } = this.#started.native.health();
      return { missed, eventsSeen: events, memoryBytes, backend: 'bpf' };
    });
  }

  async stop(): Promise<void> {
    await Promise.allSettled(this.#underWay);
    this.#started.native.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #lookForMissed(): Promise<string | null> {
    this.#missed ??= await missedOf(this.#started);
    return this.#missed;
  }

  /** Holds off stop() until the action is done. */
  async #tracked<T>(action: () => Promise<T>): Promise<T> {
    const running = action();
    this.#underWay.add(running);
    try {
      return await running;
    } finally {
      this.#underWay.delete(running);
    }
  }
}
