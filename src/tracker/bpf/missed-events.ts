/** Decides from the kernel's counters whether a write may have been missed. */

import type { NativeTrackerHealth } from './native-tracker.js';

/** The first reason that holds, as a clause; null if no write can have been missed. */
export function missedBy(health: NativeTrackerHealth, unmatchedAtStart: number): string | null {
  return reasons.find(({ holds }) => holds(health, unmatchedAtStart))?.sentence ?? null;
}

interface Reason {
  readonly holds: (health: NativeTrackerHealth, unmatchedAtStart: number) => boolean;
  readonly sentence: string;
}

const reasons: readonly Reason[] = [
  {
    // Each tracepoint has three programs. An event that the kernel skips for one of them, because
    // it is running on that processor, reaches another one, unless all three are running there.
    // Where the submission tracepoint has only one program, nothing is missed: the completion of
    // the write sets its bits.
    holds: ({ tracepoints }) =>
      tracepoints.some(({ misses, nestingOverflows }) => misses > 0 && nestingOverflows > 0),
    sentence: 'the kernel skipped some events of the tracker',
  },
  {
    holds: ({ unknownRanges }) => unknownRanges > 0,
    sentence:
      'a program sent raw commands to the disk (passthrough), whose write ranges are unknown',
  },
  {
    holds: ({ inFlightTableFull }) => inFlightTableFull > 0,
    sentence: 'more writes were in flight at once than the tracker can follow',
  },
  {
    holds: ({ unmatchedCompletions }, unmatchedAtStart) => unmatchedCompletions > unmatchedAtStart,
    sentence: 'a write completed, but the tracker had not seen its submission',
  },
  {
    holds: ({ failures }) => failures > 0,
    sentence: 'the tracker could not record a write',
  },
];
