/** The native half of the BPF tracker (native/bpf/). */

import { type Addon, addon } from '../../engine/index.js';
import type { ExtentList } from '../../region/index.js';

/** Which part of which disk to track, and how finely. */
export interface NativeTrackerRequest {
  readonly diskMajor: number;
  readonly diskMinor: number;
  /** Where the volume lies on the disk. */
  readonly startBytes: number;
  readonly sizeBytes: number;
  /** A power of two. */
  readonly granularityBytes: number;
  /** The device works without requests: its bios are tracked individually. */
  readonly followsBios: boolean;
  /** Open the tracker pinned in this folder of the BPF file system; null: start a new one. */
  readonly folder: string | null;
}

/** What the programs in the kernel counted since their start. */
export interface NativeTrackerHealth {
  readonly events: number;
  /** Commands that do not say what they write. */
  readonly unknownRanges: number;
  /** Bios that found no room in the table of those in flight. */
  readonly inFlightTableFull: number;
  /** Bios that completed and were not in that table. */
  readonly unmatchedCompletions: number;
  readonly failures: number;
  /** In the order block_bio_queue, block_rq_complete, block_bio_complete. */
  readonly tracepoints: readonly { readonly misses: number; readonly nestingOverflows: number }[];
  readonly memoryBytes: number;
}

export interface NativeDirtyRanges {
  readonly dirty: ExtentList;
  /** There were more ranges than one list holds, so the closest were joined. */
  readonly joined: boolean;
}

/** A tracker in the kernel (native/bpf/). It ends when this object is closed, unless it was pinned. */
export interface NativeTracker {
  /** Takes the dirty ranges. */
  take(): Promise<NativeDirtyRanges>;
  /** Returns the dirty and the held ranges. */
  read(): Promise<NativeDirtyRanges>;
  /** Moves the dirty ranges to the held ones and returns all held ones. Only for a pinned tracker. */
  hold(): Promise<NativeDirtyRanges>;
  clearHeld(): Promise<NativeDirtyRanges>;
  health(): NativeTrackerHealth;
  /** Pins it in a folder of the BPF file system, with a text that trackerNote() gives. */
  pin(folder: string, note: string): void;
  close(): void;
}

/** The tracker's part of the addon. */
export interface TrackerAddon {
  readonly Tracker: new (request: NativeTrackerRequest) => NativeTracker;
  /** The text that was pinned with the tracker in a folder. Throws where there is none. */
  trackerNote(folder: string): string;
}

/** Throws as addon() does. */
export function trackerAddon(): TrackerAddon {
  return addon() as Addon & TrackerAddon;
}
