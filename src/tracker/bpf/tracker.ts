/** The backend without a kernel module: BPF programs on the block layer's tracepoints. */

import { setTimeout as sleep } from 'node:timers/promises';
import { type NativeTracker, trackerAddon } from './native-tracker.js';
import { totalBytes } from '../../region/index.js';
import { type VolumeIdentity, writesInFlight } from '../../volume/index.js';
import { kernelError } from './errors.js';
import { missedBy } from './missed-events.js';
import { changeOf, type TrackedDevice, trackedDeviceOf } from './tracked-device.js';
import { granularityFor } from '../granularity.js';
import type { Drained, Tracker, TrackerHealth, TrackerOptions } from '../types.js';

/** A running tracker, and what another process needs to take it over. */
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
  const granularity = granularityFor(disk.sizeBytes, granularityBytes);
  const native = await loaded(trackedDevice, granularity, null);
  const unmatchedAtStart = disk.hasRequests ? 0 : await drainInFlight(native, disk.name);
  return { native, trackedDevice, granularityBytes: granularity, unmatchedAtStart };
}

/** Loads the programs, or opens those that were pinned in a folder. */
export async function loaded(
  { disk }: TrackedDevice,
  granularityBytes: number,
  folder: string | null,
): Promise<NativeTracker> {
  const { Tracker } = trackerAddon();
  const { major: diskMajor, minor: diskMinor, startBytes, sizeBytes } = disk;
  const followsBios = !disk.hasRequests;
  try {
    const where = { diskMajor, diskMinor, startBytes, sizeBytes, followsBios };
    return new Tracker({ ...where, granularityBytes, folder });
  } catch (error) {
    throw await kernelError(error);
  }
}

const inFlightTries = 50;
const inFlightPauseMs = 4;

/**
 * Waits for the bios that were in flight before: the tracker has not seen their submission. If the
 * device is never idle, the remaining ones count later as missed writes.
 */
async function drainInFlight(native: NativeTracker, diskName: string): Promise<number> {
  for (let tries = 0; tries < inFlightTries; tries++) {
    if ((await writesInFlight(diskName)) === 0) break;
    await sleep(inFlightPauseMs);
  }
  return native.health().unmatchedCompletions;
}

/** Why writes may have been missed, or null. To be called after the dirty ranges were taken. */
export async function missedOf(started: Started): Promise<string | null> {
  const { native, trackedDevice, unmatchedAtStart } = started;
  return missedBy(native.health(), unmatchedAtStart) ?? (await changeOf(trackedDevice));
}

export class BpfTracker implements Tracker {
  readonly volume: VolumeIdentity;
  readonly granularityBytes: number;
  readonly #started: Started;
  #missed: string | null = null;
  #inFlight = new Set<Promise<unknown>>();

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
    await Promise.allSettled(this.#inFlight);
    this.#started.native.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #lookForMissed(): Promise<string | null> {
    this.#missed ??= await missedOf(this.#started);
    return this.#missed;
  }

  /** stop() waits for the action. */
  async #tracked<T>(action: () => Promise<T>): Promise<T> {
    const running = action();
    this.#inFlight.add(running);
    try {
      return await running;
    } finally {
      this.#inFlight.delete(running);
    }
  }
}
